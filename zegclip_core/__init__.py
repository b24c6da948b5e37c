"""The model: CLIP backbones, ZegCLIP, and pictures to label maps. Knows no server, queue or training."""
