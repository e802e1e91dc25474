package topology

import "time"

// Quality is the model of success of DESIGN section 5.
type Quality struct {
	Rho float64
	// Difficulty gives mean and standard deviation of a step's difficulty by
	// kind, for steps that state none.
	Difficulty map[string]Normal
	// PredictorError is the standard deviation of a policy's guess.
	PredictorError float64
}

// Normal is a normal distribution.
type Normal struct{ Mean, SD float64 }

// Validator checks answers.
type Validator struct {
	Miss, FalseAlarm float64 // probabilities
	Latency          time.Duration
	USDPerCall       float64
	// Fatal is the probability that an accepted error fails the session.
	Fatal float64
}
