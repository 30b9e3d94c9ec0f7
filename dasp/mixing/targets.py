"""What a mix or a file is to reach, where nobody asks for anything else."""

MIX_LUFS = -18.0
"""Integrated loudness of a mix."""

FILE_LUFS = -16.0
"""Integrated loudness of a file that is normalised."""

CEILING_DB = -1.0
"""Largest true peak of a file, and ceiling of the limiter at the end of a mix, in dBTP."""
