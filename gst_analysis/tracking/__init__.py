"""What a training tells TensorBoard, Weights & Biases or MLflow: numbers, and the scales of each group."""
