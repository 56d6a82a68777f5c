#ifdef __cplusplus
}
#endif

#endif

/* Generated from src/ffi; make header writes it again. */
