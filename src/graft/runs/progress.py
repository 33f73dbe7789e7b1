"""Lightning's progress bar, which counts epochs as people do."""

from pytorch_lightning.callbacks import RichProgressBar


class ProgressBar(RichProgressBar):
    """Shows `Epoch 1/10` to `Epoch 10/10`, where Lightning shows `Epoch 0/9` to `Epoch 9/9`."""

    def _get_train_description(self, current_epoch: int) -> str:
        most = self.trainer.max_epochs
        said = f"Epoch {current_epoch + 1}" + ("" if most is None or most < 0 else f"/{most}")
        return said.ljust(len(self.validation_description))  # else the bars of both flicker
