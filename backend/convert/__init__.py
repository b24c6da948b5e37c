"""Masks between folders of PNG, COCO, YOLO and Label Studio's tasks: any of them to any other."""
