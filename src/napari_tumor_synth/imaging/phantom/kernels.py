"""The loops that numpy is slow at; compiled once and kept."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float32]


@njit(cache=True, nogil=True, fastmath=True)
def _at(field: Array, s: float, a: float, r: float) -> float:
    """Interpolate a field linearly at a place in voxels; the border is repeated."""
    ns, na, nr = field.shape
    s = min(max(s, 0.0), ns - 1.001)
    a = min(max(a, 0.0), na - 1.001)
    r = min(max(r, 0.0), nr - 1.001)
    i, j, k = int(s), int(a), int(r)
    u, v, w = s - i, a - j, r - k
    near = (field[i, j, k] * (1 - w) + field[i, j, k + 1] * w) * (1 - v)
    near += (field[i, j + 1, k] * (1 - w) + field[i, j + 1, k + 1] * w) * v
    far = (field[i + 1, j, k] * (1 - w) + field[i + 1, j, k + 1] * w) * (1 - v)
    far += (field[i + 1, j + 1, k] * (1 - w) + field[i + 1, j + 1, k + 1] * w) * v
    value: float = near * (1 - u) + far * u
    return value


@njit(cache=True, nogil=True, fastmath=True)
def sample_bent(
    maps: Array,
    lattice: Array,
    lattice_step: float,
    push: Array,
    push_start: Array,
    push_step: float,
    start: Array,
    step: float,
    out: Array,
) -> None:
    """Sample template maps at the places where the patient's voxels come from.

    A voxel at y (template voxels) comes from ``x = y - push(y)`` before the tumour pushed it, and
    that from ``x + lattice(x)`` in the template.

    Parameters
    ----------
    maps : (M, S, A, R)
    lattice : (3, s, a, r), displacement in voxels at points `lattice_step` apart
    push : (3, s, a, r), displacement in voxels on a grid from `push_start` with `push_step`
    start, step : place of the first output voxel, and distance between them
    out : (M, s, a, r), filled
    """
    count, ns, na, nr = out.shape
    inverse, push_inverse = 1.0 / lattice_step, 1.0 / push_step
    ps, pa, pr = push.shape[1], push.shape[2], push.shape[3]
    for i in range(ns):
        for j in range(na):
            for k in range(nr):
                s, a, r = start[0] + i * step, start[1] + j * step, start[2] + k * step
                bs = (s - push_start[0]) * push_inverse
                ba = (a - push_start[1]) * push_inverse
                br = (r - push_start[2]) * push_inverse
                inside = 0 <= bs <= ps - 1 and 0 <= ba <= pa - 1 and 0 <= br <= pr - 1
                if inside:
                    ds, da, dr = (
                        _at(push[0], bs, ba, br),
                        _at(push[1], bs, ba, br),
                        _at(push[2], bs, ba, br),
                    )
                    s, a, r = s - ds, a - da, r - dr
                ls, la, lr = s * inverse, a * inverse, r * inverse
                ts = s + _at(lattice[0], ls, la, lr)
                ta = a + _at(lattice[1], ls, la, lr)
                tr = r + _at(lattice[2], ls, la, lr)
                for m in range(count):
                    out[m, i, j, k] = _at(maps[m], ts, ta, tr)


@njit(cache=True, nogil=True, fastmath=True)
def sample_pushed(fields: Array, push: Array, factor: int, out: Array) -> None:
    """Enlarge fields by `factor` and move them with the tissue.

    Parameters
    ----------
    fields : (M, s, a, r)
    push : (3, s, a, r), displacement in output voxels, on the grid of `fields`
    out : (M, factor * s, factor * a, factor * r), filled
    """
    count, ns, na, nr = out.shape
    half = (factor - 1) / 2
    for i in range(ns):
        for j in range(na):
            for k in range(nr):
                s, a, r = (i - half) / factor, (j - half) / factor, (k - half) / factor
                ds, da, dr = _at(push[0], s, a, r), _at(push[1], s, a, r), _at(push[2], s, a, r)
                s, a, r = s - ds / factor, a - da / factor, r - dr / factor
                for m in range(count):
                    out[m, i, j, k] = _at(fields[m], s, a, r)


@njit(cache=True, nogil=True, fastmath=True)
def enlarge(field: Array, factor: int, start: NDArray[np.int_], out: Array) -> None:
    """Interpolate a part of a field on a grid `factor` times as fine.

    Parameters
    ----------
    field : (s, a, r)
    start : (3,), place of the first output voxel on the fine grid
    out : (s, a, r), filled
    """
    ns, na, nr = out.shape
    for i in range(ns):
        s = (start[0] + i + 0.5) / factor - 0.5
        for j in range(na):
            a = (start[1] + j + 0.5) / factor - 0.5
            for k in range(nr):
                out[i, j, k] = _at(field, s, a, (start[2] + k + 0.5) / factor - 0.5)


@njit(cache=True, nogil=True, fastmath=True)
def weigh_rows(weights: Array, first: NDArray[np.int_], rows: Array, out: Array) -> None:
    """Set row i of `out` to the sum of ``weights[i, t] * rows[first[i] + t]`` over t.

    In a fixed order, which a library's matrix product does not promise: its threads would change
    the last bit, and a seed would no longer give the same case.

    Parameters
    ----------
    weights : (n, taps); taps beyond the last row count nothing
    first : (n,)
    rows : (m, width)
    out : (n, width), filled
    """
    count, taps = weights.shape
    for i in range(count):
        out[i] = 0
        for t in range(taps):
            weight, row = weights[i, t], first[i] + t
            if weight != 0 and row < rows.shape[0]:
                for k in range(rows.shape[1]):
                    out[i, k] += weight * rows[row, k]


@njit(cache=True, nogil=True, fastmath=True)
def mix_tissue(maps: Array, means: Array, wide: float, out: Array) -> None:
    """Mix the intensities of tissues, sharpened from the mean of many people towards one person.

    Parameters
    ----------
    maps : (3, s, a, r), white matter, grey matter, brain
    means : (3,), intensity of white matter, grey matter and fluid
    wide : factor of the fluid that fills sulci
    out : (s, a, r), filled
    """
    _, ns, na, nr = maps.shape
    for i in range(ns):
        for j in range(na):
            for k in range(nr):
                brain = maps[2, i, j, k]
                if brain <= 0:
                    out[i, j, k] = 0
                    continue
                w, g = maps[0, i, j, k], maps[1, i, j, k]
                f = min(max((brain - w - g) * wide, 0.0), 1.0)
                w, g, f = w * w * np.sqrt(w), g * g * np.sqrt(g), f * np.sqrt(f)
                total = w + g + f + 1e-6
                out[i, j, k] = (means[0] * w + means[1] * g + means[2] * f) / total


@njit(cache=True, nogil=True, fastmath=True)
def grow(density: Array, mobility: Array, rate: Array, along: Array, steps: int) -> Array:
    """Take explicit steps of the Fisher-Kolmogorov equation du/dt = div(D grad u) + rho u (1 - u).

    Between two voxels the mobility is the harmonic mean of theirs, so that nothing crosses a voxel
    that cells cannot live in.

    Parameters
    ----------
    density : (s, a, r), cell density u in [0, 1]
    mobility : (s, a, r), D in voxels^2 a step, at most 1/6
    rate : (s, a, r), rho a step; 0 spreads without growing
    along : (3,), factor of the mobility along s, a and r; their mean is 1
    steps : int
    """
    ns, na, nr = density.shape
    ws, wa, wr = 2 * along[0], 2 * along[1], 2 * along[2]
    now, after = density.copy(), density.copy()
    for _ in range(steps):
        for i in range(1, ns - 1):
            for j in range(1, na - 1):
                for k in range(1, nr - 1):
                    d, u = mobility[i, j, k], now[i, j, k]
                    if d <= 0:
                        continue
                    flow = np.float32(0)
                    e = mobility[i - 1, j, k]
                    flow += ws * d * e / (d + e) * (now[i - 1, j, k] - u)
                    e = mobility[i + 1, j, k]
                    flow += ws * d * e / (d + e) * (now[i + 1, j, k] - u)
                    e = mobility[i, j - 1, k]
                    flow += wa * d * e / (d + e) * (now[i, j - 1, k] - u)
                    e = mobility[i, j + 1, k]
                    flow += wa * d * e / (d + e) * (now[i, j + 1, k] - u)
                    e = mobility[i, j, k - 1]
                    flow += wr * d * e / (d + e) * (now[i, j, k - 1] - u)
                    e = mobility[i, j, k + 1]
                    flow += wr * d * e / (d + e) * (now[i, j, k + 1] - u)
                    after[i, j, k] = u + flow + rate[i, j, k] * u * (1 - u)
        now, after = after, now
    return now
