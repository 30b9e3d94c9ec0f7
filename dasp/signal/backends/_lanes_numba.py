"""Eight signals to the lanes of a vector and back, eight samples of each at a time.

Compilers copy such a square number by number. Here its quarters, four by four, are turned in
registers: of every pair of vectors whose numbers differ in one bit, the halves that are in the
wrong one change places.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES, SIDE = 8, 4
QUARTERS = [(k, m) for k in range(0, LANES, SIDE) for m in range(0, LANES, SIDE)]


@intrinsic
def to_lanes(typing, signal, starts, by, w, place):
    """w[place + 8 m + k] = signal[starts[k] + by + m], for eight lanes k and eight samples m."""

    def generate(context, builder, signature, arguments):
        signal_data, starts_data, by, w_data, place = _data(context, builder, signature, arguments)
        w_data = builder.gep(w_data, [place])
        places = _places(builder, signal_data, starts_data, by)
        for lane, sample in QUARTERS:
            rows = [_load(builder, place, sample) for place in places[lane : lane + SIDE]]
            for m, row in enumerate(_turned(builder, rows), sample):
                _store(builder, row, w_data, m * LANES + lane)
        return context.get_dummy_value()

    return types.void(signal, starts, types.intp, w, types.intp), generate


@intrinsic
def from_lanes(typing, w, place, signal, starts, by):
    """signal[starts[k] + by + m] = w[place + 8 m + k]."""

    def generate(context, builder, signature, arguments):
        w_data, place, signal_data, starts_data, by = _data(context, builder, signature, arguments)
        w_data = builder.gep(w_data, [place])
        places = _places(builder, signal_data, starts_data, by)
        for lane, sample in QUARTERS:
            numbers = (m * LANES + lane for m in range(sample, sample + SIDE))
            rows = [_load(builder, w_data, number) for number in numbers]
            for k, row in enumerate(_turned(builder, rows), lane):
                _store(builder, row, places[k], sample)
        return context.get_dummy_value()

    return types.void(w, types.intp, signal, starts, types.intp), generate


def _turned(builder, rows):
    """Vectors whose numbers k are those of the k-th of all `rows`."""
    for bit in (1, 2):
        one = [j if not j & bit else SIDE + j - bit for j in range(SIDE)]
        other = [j + bit if not j & bit else SIDE + j for j in range(SIDE)]
        for i in (i for i in range(SIDE) if not i & bit):
            pair = rows[i], rows[i + bit]
            rows[i], rows[i + bit] = (
                builder.shuffle_vector(*pair, ir.Constant(ir.VectorType(ir.IntType(32), SIDE), o))
                for o in (one, other)
            )
    return rows


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


def _load(builder, data, number):
    """A vector of an array from its `number` on."""
    place, element = _at(builder, data, number), data.type.pointee
    place = builder.bitcast(place, ir.VectorType(element, SIDE).as_pointer())
    return builder.load(place, align=_bytes(element))


def _store(builder, row, data, number):
    place, element = _at(builder, data, number), data.type.pointee
    if row.type.element != element:
        convert = builder.fpext if isinstance(element, ir.DoubleType) else builder.fptrunc
        row = convert(row, ir.VectorType(element, SIDE))
    place = builder.bitcast(place, row.type.as_pointer())
    builder.store(row, place, align=_bytes(element))


def _at(builder, data, number):
    return builder.gep(data, [ir.Constant(ir.IntType(64), number)])


def _bytes(element):
    return 8 if isinstance(element, ir.DoubleType) else 4
