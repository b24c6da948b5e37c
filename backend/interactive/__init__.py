"""Smart tools: points, boxes, strokes and outlines of a person become masks."""
