// The search of these pages, in place of the theme's: words of a title weigh more than words of a text, a section
// is listed with the page that it stands on, and the fields of classes, hundreds of short entries that would
// stand above everything else, are found by their class.
importScripts('lunr.js');

var REFERENCE = /^(api|cli|json|tables|glossary|testing|architecture|analyses|gallery|measured-[a-z-]+)\.html/;
var FIELD = /^api\.html#gst_analysis\.\w+\.\w+/;
var LISTED = 40;
var OPENING = 600;  // letters of a page that are its own; the rest is found by its sections
var documents = {};
var index;

// A page is what the menu calls it, its first heading and its opening; its other headings are entries of their own.
function prepare(docs) {
  var pages = {};
  var kept = docs.filter(function (doc) {
    var page = pages[doc.location.split('#')[0]];
    if (!page) {
      pages[doc.location] = doc;
      doc.heading = '';
      doc.text = doc.text.slice(0, OPENING);
      if (/^measured-/.test(doc.location)) doc.title = 'Measured: ' + doc.title;
      return true;
    }
    if (!page.heading) {
      page.heading = doc.title;
      return false;
    }
    doc.title = page.title + ': ' + doc.title;
    return !FIELD.test(doc.location);
  });
  kept.forEach(function (doc) {
    doc.text = doc.text.replace(/¶/g, '').trim();
    doc.weight = (doc.location in pages ? 2 : 1) * (REFERENCE.test(doc.location) ? 0.3 : 1);
  });
  return kept;
}

function build(docs) {
  documents = {};
  index = lunr(function () {
    this.field('title', { boost: 6 });
    this.field('heading', { boost: 4 });
    this.field('text');
    this.ref('location');
    docs.forEach(function (doc) {
      documents[doc.location] = doc;
      this.add(doc, { boost: doc.weight });
    }, this);
  });
}

// What holds more of the words comes first, most of all in its title: one rare word must not outweigh the others.
function search(query) {
  var asked = lunr.tokenizer(query).map(String).filter(Boolean);
  var stems = new Set(index.pipeline.runString(asked.join(' ')));
  var found = index.query(function (clauses) {
    asked.forEach(function (word) { clauses.term(word, {}); });
    if (asked.length) {  // the last word may not be typed to its end
      clauses.term(asked[asked.length - 1], {
        wildcard: lunr.Query.wildcard.TRAILING, usePipeline: false, boost: 0.3,
      });
    }
  });
  return found
    .map(function (hit) {
      var held = 0, inTitle = 0, matches = hit.matchData.metadata;
      stems.forEach(function (stem) {
        held += stem in matches ? 1 : 0;
        inTitle += stem in matches && ('title' in matches[stem] || 'heading' in matches[stem]) ? 1 : 0;
      });
      return { doc: documents[hit.ref], score: hit.score * Math.pow(1 + held + inTitle, 2) };
    })
    .sort(function (one, other) { return other.score - one.score; })
    .slice(0, LISTED)
    .map(function (hit) {
      return { location: hit.doc.location, title: hit.doc.title, summary: hit.doc.text.slice(0, 200) };
    });
}

onmessage = function (event) {
  if (event.data.query) {
    postMessage({ results: search(event.data.query) });
    return;
  }
  fetch('search_index.json').then(function (answer) { return answer.json(); }).then(function (data) {
    if (data.config.separator) lunr.tokenizer.separator = new RegExp(data.config.separator);
    build(prepare(data.docs));
    postMessage({ config: data.config });
    postMessage({ allowSearch: true });
  });
};
