"""Weights, gradients and optimizer states shared out among processes, stage by stage: FSDP2."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Adam, Optimizer
from torch.utils._pytree import tree_map, tree_map_only

from graft.backbones.stages import Stage
from graft.errors import ConfigError


class ShardedStages(DDPStrategy):
    """Each process holds its part of every weight, and a stage's weights are whole only while it runs.

    Launching and the exchange of values are those of DDP. Lightning's own FSDP2, its ModelParallelStrategy, leaves the
    cutting to the network and writes checkpoints past `CheckpointIO`; its FSDPStrategy flattens the weights of a layer,
    frozen or not, into one. Checkpoints here are those of one process, to the name and the shape.
    """

    def setup(self, trainer: pl.Trainer) -> None:
        """Shares the network out before its optimizer is made; as DDP where nothing is trained."""
        network = self._network()
        if trainer.state.fn != TrainerFn.FITTING and not isinstance(network, FSDPModule):
            super().setup(trainer)
            return
        assert self.accelerator is not None
        self.accelerator.setup(trainer)
        self.precision_plugin.convert_module(network)
        self.share_out(network)
        if trainer.state.fn == TrainerFn.FITTING:
            self.setup_optimizers(trainer)
        self.setup_precision_plugin()

    def share_out(self, network: Any) -> None:
        """Shares a network with `stages` out among the processes, once."""
        if not isinstance(network, FSDPModule):
            shard(network, network.stages, init_device_mesh(self.root_device.type, (self.world_size,)))
            network.to(self.root_device)  # what FSDP2 has not put there, such as the state of metrics

    def configure_ddp(self) -> None:
        """Has nothing to wrap, at no change of phase either."""

    def on_validation_start(self) -> None:
        """Gives all processes the running statistics of the first one, which are those that checkpoints hold."""
        for buffer in self._network().buffers():
            distributed.broadcast(buffer, src=0)

    def on_test_start(self) -> None:
        """As above."""
        self.on_validation_start()

    def lightning_module_state_dict(self) -> dict[str, Any]:
        """Returns the whole weights in the first process, nothing in the others; all must call it."""
        return self._whole(self._network().state_dict())

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        """Returns what the optimizer's state would be in one process; in the other processes nothing."""
        return self._whole(super().optimizer_state(optimizer))

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        """Takes this process's part of the state that `optimizer_state` returned."""
        states = zip(self.optimizers, checkpoint["optimizer_states"], strict=True)
        super().load_optimizer_state_dict({"optimizer_states": [_shared_out(state, of) for of, state in states]})

    def teardown(self) -> None:
        """Leaves the parts on their devices, where they are exchanged: the scoring goes on with them."""
        if not isinstance(self._network(), FSDPModule):
            super().teardown()
            return
        assert self.cluster_environment is not None
        assert self.accelerator is not None
        self.precision_plugin.teardown()
        self.accelerator.teardown()
        self.cluster_environment.teardown()

    def _network(self) -> Any:
        return self.lightning_module

    def _whole(self, state: dict[str, Any]) -> dict[str, Any]:
        gathered = whole(state)
        return gathered if self.is_global_zero else {}


def check_shardable(network: nn.Module) -> None:
    """Refuses a network that cannot be shared out stage by stage.

    Raises:
        ConfigError: Parameters are single numbers, or belong to several modules, which may be of different stages.
    """
    names = [name for name, _ in network.named_parameters(remove_duplicate=False)]
    scalars = [name for name, value in network.named_parameters() if value.ndim == 0]
    tied = sorted(set(names) - {name for name, _ in network.named_parameters()})
    for found, said in ((scalars, "a single number"), (tied, "shared by several layers")):
        if found:
            raise ConfigError(
                f"trainer=fsdp shares out the weights of one stage after the other, but {found[0]} of this backbone is"
                f" {said}: take trainer=ddp."
            )


def fuses(optimizer: Any) -> bool:
    """Whether PyTorch takes the step of an optimizer's class in one kernel over parts of weights too."""
    return isinstance(optimizer, type) and issubclass(optimizer, Adam)


def shard(network: nn.Module, stages: Sequence[Stage], mesh: DeviceMesh) -> None:
    """Shares a network's parameters out among the processes of a mesh.

    Each begins with the first process's values. A stage's are exchanged together; what no module of a stage holds by
    itself, such as position embeddings, with the network's own.

    Args:
        network: Changed in place: its parameters are new ones.
        stages: Hold the new parameters afterwards.
        mesh: Of one dimension.
    """
    for parameter in network.parameters():
        parameter.data = parameter.data.contiguous()  # which is all that FSDP2 takes: not channels last
    for value in (*network.parameters(), *network.buffers()):
        first = value.detach().to(mesh.device_type)  # one by one: the device need not hold the whole network
        distributed.broadcast(first, src=0)
        value.detach().copy_(first)
    names = {id(value): name for name, value in network.named_parameters()}
    for stage in stages:
        modules = _outermost(stage)
        for module in modules:
            module.register_forward_hook(_without_views)
        if modules:
            fully_shard(modules, mesh=mesh, reshard_after_forward=True)
    fully_shard(network, mesh=mesh, reshard_after_forward=True)
    parameters = dict(network.named_parameters())
    for stage in stages:
        for name, value in stage.parameters.items():
            stage.parameters[name] = parameters[names[id(value)]]


def whole(tree: Any) -> Any:
    """Returns nested values with all parts put together, on the processor; all processes must call it.

    They are there in the first process only, in the others None.
    """
    first = distributed.is_initialized() and distributed.get_rank() == 0

    def put_together(value: DTensor) -> Tensor | None:
        full = value.full_tensor()
        return full.detach().cpu() if first else None

    return tree_map_only(DTensor, put_together, tree)


def like(value: Tensor, parameter: Tensor) -> Tensor:
    """Returns a whole value, or this process's part where that is all a parameter has of its own; on its device."""
    value = value.to(parameter.device)
    if not isinstance(parameter, DTensor) or isinstance(value, DTensor):
        return value
    return distribute_tensor(value, parameter.device_mesh, parameter.placements, src_data_rank=None)


def own_part(value: Tensor) -> Tensor:
    """Returns the part of a value that this process has, a plain tensor; all of it where it is not shared out."""
    return value.to_local() if isinstance(value, DTensor) else value


def over_all(term: Tensor, *of: Tensor) -> Tensor:
    """Returns the sum over all processes of a scalar that each made of its own parts of these values.

    Its gradient is that of this process's term, which alone depends on its parts.
    """
    if not any(isinstance(value, DTensor) for value in of):
        return term
    total = term.detach().clone()
    distributed.all_reduce(total)
    return term + (total - term.detach())


def _shared_out(state: Mapping[str, Any], optimizer: Optimizer) -> dict[str, Any]:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    parts = {
        number: {
            name: like(value, parameters[number]) if _is_shaped_as(value, parameters[number]) else value
            for name, value in values.items()
        }
        for number, values in state["state"].items()
    }
    return {**state, "state": parts}


def _is_shaped_as(value: Any, parameter: Tensor) -> bool:
    return isinstance(value, Tensor) and value.shape == parameter.shape


def _outermost(stage: Stage) -> list[nn.Module]:
    """A stage's modules with parameters, but for those inside others; of mere containers what they hold."""
    modules = [module for module in stage.modules if _runs(module) and any(True for _ in module.parameters())]
    inner = {id(module) for outer in modules for module in outer.modules() if module is not outer}
    return [module for module in modules if id(module) not in inner]


def _runs(module: nn.Module) -> bool:
    return not isinstance(module, nn.ModuleList | nn.ModuleDict)


def _without_views(_: nn.Module, given: Iterable[Any], output: Any) -> Any:
    """Copies outputs that are views: a change in place would take away the hook by which weights come back."""

    def copied(value: Any) -> Any:
        return value.clone() if isinstance(value, Tensor) and value._is_view() and value.requires_grad else value

    return tree_map(copied, output)
