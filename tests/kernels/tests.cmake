foreach(name adamw attention cross_entropy elementwise embedding grouped_matmul matmul permute_rows
        rms_norm rotary swiglu top_k_softmax vector_math)
    isogloss_test(kernels ${name} NEEDS OpenMP::OpenMP_CXX)
endforeach()
