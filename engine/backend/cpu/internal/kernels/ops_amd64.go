package kernels

func opsFor(isa ISA) ops {
	o := portableOps()
	if isa >= AVX512 {
		o.mulF32 = mulF32Vector
		o.multiplyB16(mulB16Widen)
		o.softmaxF32, o.softmaxB16 = softmaxF32Vector, softmaxB16Vector
		o.putB16, o.putKVB16 = putB16Vector, putKVB16Vector
		o.rmsNorm, o.swiGLU, o.add, o.scale, o.rope = rmsNormVector, swiGLUVector, addVector, scaleVector, ropeVector
		o.read, o.peak, o.peakRound = readVector, peakF32, peakF32Round
	}
	if isa >= AVX512BF16 {
		o.multiplyB16(mulB16Dot)
		o.softmaxB16 = softmaxB16Cvt
		o.peak, o.peakRound = peakDot, peakDotRound
	}
	if isa >= AMX {
		o.mulB16, o.scoresB16, o.sumB16 = mulTiles, scoreTiles, sumTiles
		o.peak, o.peakRound = peakTiles, peakTilesRound
	}
	return o
}
