"""Heat maps: which places of an image speak for a class."""

from functools import partial

import torch
from torch import Tensor, nn

from graft.backbones import Backbone
from graft.errors import GraftError
from graft.explaining.asking import captum, scores
from graft.explaining.grids import Place, places
from graft.explaining.order import in_order
from graft.tasks import Supervised


class GradCam:
    """Grad-CAM at the last stage that still has a grid of places on which the outputs depend.

    Source: Selvaraju et al., ICCV 2017, equations 1 and 2: channels of the activation, weighted by the mean of the
    gradient over all places, added up; negative sums are none. Of a transformer the grid are the tokens of its patches.
    Where only the class token of the last block is used, no other token of that block matters, and the map is that of
    the block before. Tokens that do not stand in the order of the image's places are passed over.

    Args:
        task: In eval mode.
        images: Inputs `(batch, channels, height, width)`, to find the stage with.
        targets: What is to be explained of each, int64 `(batch,)`, an index into the outputs.

    Attributes:
        place: Where the maps come from.

    Raises:
        GraftError: There is no such stage.
    """

    place: Place

    def __init__(self, task: Supervised, images: Tensor, targets: Tensor) -> None:
        self._task = task
        found = _in_order(task.backbone, images, places(task.backbone, images))
        place = next((each for each in found if self._signed(each, images, targets).any()), None)
        if place is None:
            looked = ", ".join(stage.name for stage in task.backbone.stages)
            raise GraftError(
                "Grad-CAM needs a stage with places, (channels, rows, columns) or the tokens of patches, on which the"
                f" outputs depend, and of this {type(task.backbone).__name__} none has them: {looked}. Perhaps the"
                " images are too small for the network (backbone.image_size of the training), or it has no grid."
            )
        self.place = place

    def __call__(self, images: Tensor, targets: Tensor) -> Tensor:
        """Returns maps `(batch, rows, columns)`, 0 and more."""
        return self._signed(self.place, images, targets).relu()

    def _signed(self, place: Place, images: Tensor, targets: Tensor) -> Tensor:
        grid, layout = nn.Identity(), place.layout  # captum wants the channels in the second dimension
        hook = place.module.register_forward_hook(
            lambda module, given, output: layout.put(grid(layout.grid(output)), output)
        )
        try:
            maps = captum().LayerGradCam(partial(scores, self._task), grid).attribute(images, target=targets)
        finally:
            hook.remove()
        found: Tensor = maps.detach().squeeze(1)
        return torch.nan_to_num(found)


def _in_order(backbone: Backbone, images: Tensor, found: list[Place]) -> list[Place]:
    """Leaves out tokens in another order; the places of other activations are where they seem to be."""
    asked = [place for place in found if place.layout.order == "tokens"]
    kept = in_order(backbone, images, [(place.module, place.layout) for place in asked]) if asked else []
    wrong = [place for place, right in zip(asked, kept, strict=True) if not right]
    return [place for place in found if place not in wrong]
