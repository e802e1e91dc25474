package topology

import "math"

// point is a place on the Earth in degrees north and east.
type point struct{ lat, lon float64 }

// earthRadiusKM is the mean radius of IUGG's GRS 80 ellipsoid.
const earthRadiusKM = 6371.0088

// vector is a point as a unit vector, which makes many distances cheap.
type vector struct{ x, y, z float64 }

func (p point) vector() vector {
	sinLat, cosLat := math.Sincos(p.lat * math.Pi / 180)
	sinLon, cosLon := math.Sincos(p.lon * math.Pi / 180)
	return vector{cosLat * cosLon, cosLat * sinLon, sinLat}
}

// km is the great-circle distance. Half the chord between unit vectors is the
// square root of the haversine formula's a, so this is that formula, exact
// for near places as well.
func (v vector) km(w vector) float64 {
	dx, dy, dz := v.x-w.x, v.y-w.y, v.z-w.z
	half := math.Sqrt(dx*dx+dy*dy+dz*dz) / 2
	return 2 * earthRadiusKM * math.Asin(min(half, 1))
}

// GreatCircleKM is the distance over the Earth's surface between two places
// given in degrees.
func GreatCircleKM(latA, lonA, latB, lonB float64) float64 {
	return point{latA, lonA}.vector().km(point{latB, lonB}.vector())
}
