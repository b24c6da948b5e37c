"""Several processes that train one model together, each on its share of every batch.

Each has a copy of the model and computes the gradient of some of the batch's micro-batches. The gradients are
added up, so that all copies take the same step: that of a single process with the whole batch.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed
from torch import Tensor

from training.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """The processes of one training, as one of them sees them.

    Attributes:
        rank: which one this is, from 0; the first one writes files and tells how it goes.
        count: how many there are.

    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this one writes the run's files."""
        return self.rank == 0

    def share(self, parts: int) -> range:
        """Return which of a batch's micro-batches are this process's.

        Raises `ConfigurationError` when there is not one for each.
        """
        if parts < self.count:
            raise ConfigurationError(
                f"{self.count} processes cannot share {parts} micro-batches: start fewer processes, lower "
                "optimisation.micro_batch or raise optimisation.batch_size"
            )
        return range(self.rank * parts // self.count, (self.rank + 1) * parts // self.count)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of one device by their sums over all processes, in place."""
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        torch.distributed.all_reduce(flat)
        sums = torch.split(flat, [one.numel() for one in tensors])
        for tensor, total in zip(tensors, sums, strict=True):
            tensor.copy_(total.view_as(tensor))

    def any(self, answer: bool, *, device: torch.device) -> bool:
        """Return whether one of the processes says yes, the same in all of them."""
        votes = torch.tensor([float(answer)], device=device)
        self.add_up([votes])
        return bool(votes > 0)

    def agree(self, number: int, *, device: torch.device) -> bool:
        """Return whether all processes name the same number."""
        if self.count == 1:
            return True
        numbers = [torch.zeros(1, dtype=torch.int64, device=device) for _ in range(self.count)]
        torch.distributed.all_gather(numbers, torch.tensor([number], device=device))
        return len({int(one) for one in numbers}) == 1

    def wait(self) -> None:
        """Return when all processes have come here."""
        if self.count > 1:
            torch.distributed.barrier()


ALONE = Processes()


@contextmanager
def joined(*, rank: int, count: int, device: torch.device) -> Iterator[Processes]:
    """Meet the other processes that `torchrun` has started, and part from them at the end.

    Where they meet, PyTorch reads from what `torchrun` left in the environment.

    Args:
        rank: which one this is.
        count: how many there are.
        device: the one that this process trains on; it decides how gradients travel.

    """
    torch.distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
        rank=rank,
        world_size=count,
        device_id=device if device.type == "cuda" else None,
    )
    try:
        yield Processes(rank=rank, count=count)
    finally:
        torch.distributed.destroy_process_group()
