"""Processes that are forked from the tests, so that none waits for torch to load."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from multiprocessing.process import BaseProcess

import torch


def start(work: Callable, *arguments, **environment: str) -> BaseProcess:
    """Do work in a child that has these variables in its environment."""

    def child():
        os.environ.update(environment)
        torch.set_num_threads(1)  # The threads of the parent are not here.
        work(*arguments)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    return process


def together(count: int, work: Callable, *arguments) -> None:
    """Do the same work in several processes that know of each other, as torchrun starts them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    known = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    children = [
        start(work, *arguments, RANK=str(rank), LOCAL_RANK=str(rank), **known)
        for rank in range(count)
    ]
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * count
