"""The lanes of a vector: eight signals at a time, in numbers of float64.

A `Lanes` holds one number for each of `WIDTH` neighbouring lanes, in a register as wide as the
processor's. A loop that is written in them is one that no compiler has to make vectors of first,
which takes it long, and in which the order of sums is as it is written: where each sample waits for
the one before, that decides how long.

From signals to lanes and back goes a square of eight lanes by eight samples. Compilers copy such a
square number by number. Here its halves, of four samples, are turned in registers: of every pair of
vectors whose numbers differ in one bit, the parts that are in the wrong one change places.
"""

from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic, models, register_model

LANES, SIDE = 8, 4
WIDTH = 8 if binding.get_host_cpu_features().get("avx512f") else 4
"""Lanes that are worked on at once: a section in two halves needs half as many registers."""

_NUMBERS = ir.VectorType(ir.DoubleType(), WIDTH)


class Lanes(types.Type):
    """A number of each lane, in compiled code alone."""

    def __init__(self):
        super().__init__(name="Lanes")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _NUMBERS)


_LANES = Lanes()


@intrinsic
def load(typing, w, at):
    """The numbers of `w` from `at` on, which is not below 0."""

    def generate(context, builder, signature, arguments):
        w_data, at = _data(context, builder, signature, arguments)
        return _load(builder, builder.gep(w_data, [at]), 0, WIDTH)

    return _LANES(w, types.intp), generate


@intrinsic
def store(typing, w, at, numbers):
    """Put numbers into `w` from `at` on, which is not below 0."""

    def generate(context, builder, signature, arguments):
        w_data, at, numbers = _data(context, builder, signature, arguments)
        _store(builder, numbers, builder.gep(w_data, [at]), 0)
        return context.get_dummy_value()

    return types.void(w, types.intp, numbers), generate


@intrinsic
def times(typing, a, b):
    """a b."""
    return _LANES(a, b), lambda context, builder, signature, factors: builder.fmul(*factors)


@intrinsic
def fma(typing, a, b, c):
    """a b + c, where the processor can in one operation."""

    def generate(context, builder, signature, arguments):
        name, module = f"llvm.fmuladd.v{WIDTH}f64", builder.module
        kind = ir.FunctionType(_NUMBERS, [_NUMBERS] * 3)
        return builder.call(module.globals.get(name) or ir.Function(module, kind, name), arguments)

    return _LANES(a, b, c), generate


@intrinsic
def minus(typing, a):
    """-a."""
    return _LANES(a), lambda context, builder, signature, numbers: builder.fneg(*numbers)


@intrinsic
def to_lanes(typing, signal, starts, by, w, place):
    """w[place + 8 m + k] = signal[starts[k] + by + m], for eight lanes k and eight samples m."""

    def generate(context, builder, signature, arguments):
        signal_data, starts_data, by, w_data, place = _data(context, builder, signature, arguments)
        w_data = builder.gep(w_data, [place])
        places = _places(builder, signal_data, starts_data, by)
        for sample in range(0, LANES, SIDE):
            quarters = [_load(builder, place, sample, SIDE) for place in places]
            rows = [_joined(builder, *pair) for pair in zip(*_halves(quarters), strict=True)]
            for m, row in enumerate(_turned(builder, rows), sample):
                _store(builder, row, w_data, m * LANES)
        return context.get_dummy_value()

    return types.void(signal, starts, types.intp, w, types.intp), generate


@intrinsic
def from_lanes(typing, w, place, signal, starts, by):
    """signal[starts[k] + by + m] = w[place + 8 m + k]."""

    def generate(context, builder, signature, arguments):
        w_data, place, signal_data, starts_data, by = _data(context, builder, signature, arguments)
        w_data = builder.gep(w_data, [place])
        places = _places(builder, signal_data, starts_data, by)
        for sample in range(0, LANES, SIDE):
            numbers = (m * LANES for m in range(sample, sample + SIDE))
            rows = [_load(builder, w_data, number, LANES) for number in numbers]
            rows = [_as(builder, row, signal_data.type.pointee) for row in rows]
            for k, row in enumerate(_turned(builder, rows)):
                for lane, quarter in zip((k, k + SIDE), _parted(builder, row), strict=True):
                    _store(builder, quarter, places[lane], sample)
        return context.get_dummy_value()

    return types.void(w, types.intp, signal, starts, types.intp), generate


def _turned(builder, rows):
    """Four vectors of two squares side by side, each of which is turned."""
    for bit in (1, 2):
        one = [j if not j & bit else LANES + j - bit for j in range(LANES)]
        other = [j + bit if not j & bit else LANES + j for j in range(LANES)]
        for i in (i for i in range(SIDE) if not i & bit):
            pair = rows[i], rows[i + bit]
            rows[i], rows[i + bit] = (
                _shuffled(builder, *pair, numbers) for numbers in (one, other)
            )
    return rows


def _joined(builder, left, right):
    """One vector of two."""
    return _shuffled(builder, left, right, range(LANES))


def _parted(builder, row):
    """Two vectors of one."""
    return [_shuffled(builder, row, row, numbers) for numbers in _halves(range(LANES))]


def _shuffled(builder, one, other, numbers):
    """The numbers of two vectors one after the other, in another order."""
    order = ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), list(numbers))
    return builder.shuffle_vector(one, other, order)


def _halves(lanes):
    return lanes[:SIDE], lanes[SIDE:]


def _data(context, builder, signature, arguments):
    """Pointers to what arrays hold, and numbers as they are."""
    return [
        context.make_array(kind)(context, builder, argument).data
        if isinstance(kind, types.Array)
        else argument
        for kind, argument in zip(signature.args, arguments, strict=True)
    ]


def _places(builder, signal_data, starts_data, by):
    starts = [builder.load(_at(builder, starts_data, k)) for k in range(LANES)]
    return [builder.gep(signal_data, [builder.add(start, by)]) for start in starts]


def _load(builder, data, number, count):
    """A vector of an array from its `number` on."""
    place, element = _at(builder, data, number), data.type.pointee
    place = builder.bitcast(place, ir.VectorType(element, count).as_pointer())
    return builder.load(place, align=_bytes(element))


def _store(builder, row, data, number):
    place, element = _at(builder, data, number), data.type.pointee
    row = _as(builder, row, element)
    place = builder.bitcast(place, row.type.as_pointer())
    builder.store(row, place, align=_bytes(element))


def _as(builder, row, element):
    """A vector in the type of other numbers."""
    if row.type.element == element:
        return row
    convert = builder.fpext if isinstance(element, ir.DoubleType) else builder.fptrunc
    return convert(row, ir.VectorType(element, row.type.count))


def _at(builder, data, number):
    return builder.gep(data, [ir.Constant(ir.IntType(64), number)])


def _bytes(element):
    return 8 if isinstance(element, ir.DoubleType) else 4
