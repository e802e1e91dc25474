// Package topology holds the modelled world: sites in tiers, the network
// between them, the models that they serve, prices, the platform's services
// and the model of success. Load reads it from YAML.
package topology
