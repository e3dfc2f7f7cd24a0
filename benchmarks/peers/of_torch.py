"""A decoder in PyTorch after nanoGPT (Karpathy 2022), with `scaled_dot_product_attention`; attention; a product.

nanoGPT has learned positions; here the encodings are those that are compared. A rotation leaves attention the causal
kernel without a mask; a bias goes into the mask, made once for ALiBi and in each step for T5, whose table is trained.
"""

import math
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.peers.turns import Clock, Missing


def angles(length: int, head_width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sin, [L, K/2]."""
    turns = torch.outer(torch.arange(length), 10_000.0 ** (-torch.arange(0, head_width, 2) / head_width))
    return turns.cos(), turns.sin()


def turned(x_BHLK: torch.Tensor, cos_LC: torch.Tensor, sin_LC: torch.Tensor) -> torch.Tensor:
    """Pairs c and c + K/2 turned."""
    a, b = x_BHLK.chunk(2, dim=-1)
    return torch.cat([a * cos_LC - b * sin_LC, b * cos_LC + a * sin_LC], dim=-1)


def alibi(length: int, heads: int) -> torch.Tensor:
    """[H, L, L], -inf where the causal mask is."""
    distance_LM = torch.arange(length)[:, None] - torch.arange(length)[None, :]
    slope_H = 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)
    bias_HLM = -slope_H[:, None, None] * distance_LM
    return bias_HLM.masked_fill(distance_LM < 0, -math.inf)


def buckets(length: int, count: int = 32, furthest: int = 128) -> torch.Tensor:
    """T5's bucket of each pair, of a decoder, [L, L]."""
    distance_LM = (torch.arange(length)[:, None] - torch.arange(length)[None, :]).clamp(min=0)
    exact = count // 2
    large = exact + (distance_LM.clamp(min=1) / exact).log() / math.log(furthest / exact) * (count - exact)
    return torch.where(distance_LM < exact, distance_LM, large.long().clamp(max=count - 1))


class Block(nn.Module):
    """As in nanoGPT, without bias."""

    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width, bias=False) for _ in range(2))
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, hidden, bias=False), nn.Linear(hidden, width, bias=False)

    def forward(self, h_BLD, waves, mask_HLM):
        batch, length, width = h_BLD.shape
        split = (batch, length, self.heads, width // self.heads)
        q, k, v = (x.view(split).transpose(1, 2) for x in self.qkv(self.norms[0](h_BLD)).split(width, dim=2))
        if waves is not None:
            q, k = turned(q, *waves), turned(k, *waves)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask_HLM, is_causal=mask_HLM is None)
        h_BLD = h_BLD + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return h_BLD + self.down(F.gelu(self.up(self.norms[1](h_BLD)), approximate='tanh'))


class Decoder(nn.Module):
    """Token vectors, blocks, a norm, and logits from the token vectors."""

    def __init__(self, encoding: str, width: int, layers: int, heads: int, hidden: int, vocabulary: int, length: int):
        super().__init__()
        self.encoding = encoding
        self.vectors = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.vectors.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(width, heads, hidden) for _ in range(layers))
        self.norm = nn.LayerNorm(width, bias=False)
        if encoding == 'rotary':
            for name, value in zip(('cos', 'sin'), angles(length, width // heads)):
                self.register_buffer(name, value)
        elif encoding == 'alibi':
            self.register_buffer('bias', alibi(length, heads)[None])
        elif encoding == 't5':
            self.table = nn.Embedding(32, heads)
            self.register_buffer('bucket', buckets(length))
            self.register_buffer('hidden', torch.ones(length, length).triu(1).bool())

    def forward(self, tokens_BL):
        waves, mask_BHLM = (self.cos, self.sin) if self.encoding == 'rotary' else None, None
        if self.encoding == 'alibi':
            mask_BHLM = self.bias
        elif self.encoding == 't5':
            mask_BHLM = self.table(self.bucket).permute(2, 0, 1)[None].masked_fill(self.hidden, -math.inf)
        h_BLD = self.vectors(tokens_BL)
        for block in self.blocks:
            h_BLD = block(h_BLD, waves, mask_BHLM)
        return F.linear(self.norm(h_BLD), self.vectors.weight)


def train(
    report: Callable,
    encoding: str,
    width: int,
    layers: int,
    heads: int,
    hidden: int,
    vocabulary: int,
    length: int,
    batch: int,
    steps: int,
    compiled: bool = False,
    device: str = 'cpu',
) -> None:
    """A turn is `steps` steps by AdamW; on a GPU in bfloat16 by autocast."""
    before = time.perf_counter()
    if device == 'cuda' and not torch.cuda.is_available():
        raise Missing('torch finds no GPU')
    model = Decoder(encoding, width, layers, heads, hidden, vocabulary, length).to(device)
    model = torch.compile(model) if compiled else model
    steps_of(report, model, vocabulary, length, batch, steps, before, device)


def steps_of(
    report: Callable, model, vocabulary: int, length: int, batch: int, steps: int, before: float, device: str = 'cpu'
) -> None:
    """Trains any module from tokens [B, L] to logits, for ever."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    tokens = torch.randint(0, vocabulary, (batch, length + 1), device=device)

    def one_step():
        with torch.autocast(device, torch.bfloat16, enabled=device != 'cpu'):
            logits = model(tokens[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, vocabulary).float(), tokens[:, 1:].reshape(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss

    float(one_step().detach())
    report(dict(compile=time.perf_counter() - before))
    while True:
        clock = Clock()
        for _ in range(steps):
            loss = one_step()
        # Waits for a GPU.
        loss = float(loss.detach())
        peak = torch.cuda.max_memory_allocated() / 2**20 if device == 'cuda' else 0.0
        report(clock.read(steps) | dict(loss=loss, device_mib=peak))


def attend(report: Callable, encoding: str, length: int, gradient: bool, repeats: int) -> None:
    """A turn is `repeats` times causal attention of one sequence, 8 heads of 32 channels, or its gradient."""
    q, k, v, d = (torch.randn(1, 8, length, 32) for _ in range(4))
    for x in (q, k, v):
        x.requires_grad_(gradient)
    cos, sin = angles(length, 32)
    # Once: it is the same in every step.
    mask = alibi(length, 8)[None] if encoding == 'alibi' else None

    def run():
        if encoding == 'rotary':
            out = F.scaled_dot_product_attention(turned(q, cos, sin), turned(k, cos, sin), v, is_causal=True)
        else:
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return torch.autograd.grad(out, (q, k, v), d) if gradient else out

    run()
    report({})
    while True:
        clock = Clock()
        for _ in range(repeats):
            run()
        report(clock.read(repeats))


def product(report: Callable) -> None:
    """A turn is the largest rate of some float32 matrix products: what this machine can do. `gflops`."""
    sizes = [(torch.randn(size, size), torch.randn(size, size)) for size in (1024, 2048)]
    report({})
    while True:
        best, clock = 0.0, Clock()
        for a, b in sizes:
            for _ in range(4):
                before = time.perf_counter()
                _ = a @ b
                best = max(best, 2 * len(a) ** 3 / (time.perf_counter() - before) / 1e9)
        report(clock.read() | dict(gflops=best))
