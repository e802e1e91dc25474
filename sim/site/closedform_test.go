package site

import "math"

// erlangC is the probability that a customer of M/M/c waits, at an offered
// load of a erlangs (Kleinrock 1975, section 3.5).
func erlangC(c int, a float64) float64 {
	b := erlangB(c, a)
	return b / (1 - a/float64(c)*(1-b))
}

// erlangB is the loss probability of M/G/c/c, by the usual recursion
// (Kleinrock 1975, section 3.7).
func erlangB(c int, a float64) float64 {
	b := 1.0
	for k := 1; k <= c; k++ {
		b = a * b / (float64(k) + a*b)
	}
	return b
}

// mmc is the mean time in M/M/c with service rate 1 a server.
func mmc(c int, lambda float64) float64 {
	return 1 + erlangC(c, lambda)/(float64(c)-lambda)
}

// pollaczekKhinchine is the mean wait in M/G/1 with service of mean 1 and the
// given squared coefficient of variation (Kleinrock 1975, section 5.6).
func pollaczekKhinchine(rho, scv float64) float64 {
	return rho * (1 + scv) / (2 * (1 - rho))
}

// mm1k gives, for M/M/1/K with service rate 1, the loss probability and the
// mean time of those accepted (Kleinrock 1975, section 3.6).
func mm1k(k int, lambda float64) (loss, time float64) {
	var norm, mean float64
	p := 1.0
	for i := 0; i <= k; i++ {
		norm += p
		mean += float64(i) * p
		loss = p
		p *= lambda
	}
	loss, mean = loss/norm, mean/norm
	return loss, mean / (lambda * (1 - loss))
}

// birthDeath is the mean time in a queue whose departure rate with n inside
// is death(n), bounded away from lambda for large n (Kleinrock 1975, section
// 3.1, with Little's law). By Cohen, "The multiple phase service network with
// generalized processor sharing", Acta Informatica 12, 1979, it holds for any
// distribution of work of mean 1 when all jobs share the server evenly.
func birthDeath(lambda float64, death func(n int) float64) float64 {
	norm, mean, p := 1.0, 0.0, 1.0
	for n := 1; p > 1e-18 || n < 1000; n++ {
		p *= lambda / death(n)
		norm += p
		mean += float64(n) * p
	}
	return mean / norm / lambda
}

// jackson is the mean time from arrival to departure in an open network of
// M/M/c stations with service rate mu a server (Jackson, "Networks of waiting
// lines", Operations Research 5, 1957): the traffic equations are solved by
// iteration, and each station is M/M/c at its throughput.
func jackson(outside, mu []float64, servers []int, route [][]float64) float64 {
	flow := make([]float64, len(outside))
	for range 1000 {
		for i := range flow {
			f := outside[i]
			for j := range flow {
				f += flow[j] * route[j][i]
			}
			flow[i] = f
		}
	}
	var inside, total float64
	for i := range flow {
		inside += flow[i] / mu[i] * mmc(servers[i], flow[i]/mu[i])
		total += outside[i]
	}
	if math.IsNaN(inside) || inside < 0 {
		panic("the network is not stable")
	}
	return inside / total
}
