package kernels

func opsFor(isa ISA) ops {
	o := portableOps()
	if isa >= AVX512 {
		o.mulF32, o.mulB16 = mulF32Vector, mulB16Widen
		o.read, o.peak, o.peakRound = readVector, peakF32, peakF32Round
	}
	if isa >= AVX512BF16 {
		o.mulB16 = mulB16Dot
		o.peak, o.peakRound = peakDot, peakDotRound
	}
	if isa >= AMX {
		o.mulB16 = mulTiles
		o.peak, o.peakRound = peakTiles, peakTilesRound
	}
	return o
}
