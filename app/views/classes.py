"""Class by class: how often a network is right, what it takes for what, which clips it fails on."""

from __future__ import annotations

from app import class_views, components, links
from app.checks import open_page
from app.clip_wall import CONTROLS
from app.clips_to_try import choose_clips
from app.listed_clips import follow

INTRO = (
    "How often the network is right, class by class; what it takes for what; which classes need the order of "
    "frames; and every clip, with a way into its trace."
)
VIEWS = {"classes": "Accuracy", "confusion": "Taken for what", "order": "Order", "clips": "Clip by clip"}
SHOW = {
    "classes": class_views.show_classes,
    "confusion": class_views.show_confusion,
    "order": class_views.show_order,
    "clips": class_views.show_clips,
}
MOST_CLIPS = 20_000


def show() -> None:
    follow()
    with open_page("Classes and clips", INTRO) as column:
        if column is None:
            return
        clips = choose_clips(column, most=MOST_CLIPS)
        if clips is None:
            for key in ("view", *CONTROLS):  # they are drawn once there are clips
                links.check_text(key)
            return
        view = components.choose_one("View", VIEWS, key="view")
        SHOW[view](column, clips)


show()
