"""ZegCLIP on disk: the authors' published files, and this project's compact ones."""
