"""The Trainer of transformers by its defaults: trains, validates after each epoch, scores the test split."""

import json

from transformers import Trainer, TrainingArguments


def run(model, collate, splits, epochs, learning_rate):
    arguments = TrainingArguments(
        "trainer",
        num_train_epochs=int(epochs),
        learning_rate=learning_rate,
        eval_strategy="epoch",
        report_to=[],
        remove_unused_columns=False,
    )
    train, val, test = splits
    trainer = Trainer(
        model,
        arguments,
        data_collator=collate,
        train_dataset=train,
        eval_dataset=val,
        compute_metrics=lambda scored: {"accuracy": float((scored.predictions.argmax(1) == scored.label_ids).mean())},
    )
    trainer.train()
    print(json.dumps({"accuracy": trainer.evaluate(test)["eval_accuracy"]}))
