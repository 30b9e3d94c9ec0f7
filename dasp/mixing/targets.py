"""What a mix is to reach, where nobody asks for anything else."""

MIX_LUFS = -18.0
"""Integrated loudness of a mix."""

CEILING_DB = -1.0
"""Ceiling of the limiter at the end of a mix, in dBTP."""
