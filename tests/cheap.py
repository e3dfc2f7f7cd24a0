"""Settings under which XLA compiles in a sixth of the time, which is most of what these tests do, and runs slower."""

XLA_FLAGS = '--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1'
# For processes of their own.
ENVIRONMENT = dict(XLA_FLAGS=XLA_FLAGS, JAX_DISABLE_MOST_OPTIMIZATIONS='1')
