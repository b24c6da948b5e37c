"""What PyTorch's launcher `torchrun` tells the processes that it starts; part of the settings."""

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend.errors import SettingsError


class TorchrunSettings(BaseSettings):
    """Which of its processes this one is; without `torchrun`, the only one."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    rank: int = Field(default=0, ge=0, description="this process among all")
    local_rank: int = Field(default=0, ge=0, description="this process among those of its machine")
    world_size: int = Field(default=1, ge=1, description="how many processes there are")

    def device(self, wish: str) -> str:
        """Return the device of this process: of several on a machine with GPUs, each has one of its own.

        Args:
            wish: auto, cpu, cuda or cuda:0.

        """
        if self.world_size == 1 or wish not in ("auto", "cuda"):
            return wish
        import torch

        return f"cuda:{self.local_rank}" if wish == "cuda" or torch.cuda.is_available() else "cpu"


def load_torchrun_settings() -> TorchrunSettings:
    """Read the environment; raises `SettingsError` when it is not `torchrun`'s."""
    try:
        return TorchrunSettings()
    except ValidationError as error:
        names = ", ".join(str(problem["loc"][0]).upper() for problem in error.errors())
        raise SettingsError(
            f"{names} in the environment are not what torchrun sets: unset them, or start the command with "
            "torchrun"
        ) from None
