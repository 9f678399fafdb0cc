"""Servers of tests end whatever they were doing: what went on would be heard of in somebody else's test."""

import asyncio
import contextlib
import threading

import requests
from aiohttp import web

from local_dss.mesh_server import MeshServer


def test_an_answer_whose_connection_is_lost_ends_with_its_server() -> None:
    lost, ended = threading.Event(), threading.Event()

    async def go_on(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        try:
            await asyncio.sleep(0.01)
            lost.set()
            await asyncio.sleep(60.0)
        finally:
            ended.set()
        raise AssertionError("nobody waits that long")

    with MeshServer(fault=lambda *_: go_on) as mesh:
        url = f"{mesh.front}/public/api/projects/DEMO/llms/openai/v1/chat/completions"
        body = {"model": mesh.llm_ids[0], "messages": [{"role": "user", "content": "hello"}]}
        with contextlib.suppress(requests.ConnectionError):
            requests.post(url, json=body, auth=("dku-personal-key", ""), timeout=10.0)
        assert lost.wait(10.0)
    assert ended.is_set()
