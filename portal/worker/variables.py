"""The variables under which the code of pages runs, in tests as in evidence."""

VARIABLES = {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "MPLBACKEND": "agg",
    "TRITON_INTERPRET": "1",  # before anything imports Triton, as transformers may
}
