"""ZegCLIP (Zhou et al., CVPR 2023): deep prompts, relationship descriptor, matching decoder, loss."""
