package kernels

func opsFor(isa ISA) ops {
	o := portableOps()
	if isa >= AVX512 {
		o.mulF32, o.mulB16 = mulF32Vector, mulB16Widen
	}
	if isa >= AVX512BF16 {
		o.mulB16 = mulB16Dot
	}
	if isa >= AMX {
		o.mulB16 = mulTiles
	}
	return o
}
