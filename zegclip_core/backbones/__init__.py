"""CLIP backbones: what a model is called, where its weights lie, how it is built."""
