"""What jobs wrote down of themselves: `ranks/<rank>/gpus.jsonl`, by the sampler inside their ranks."""
