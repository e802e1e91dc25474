package gateway

import "net/http"

// modelEntry is a model as /v1/models lists it, with vLLM's max_model_len.
type modelEntry struct {
	ID          string `json:"id"`
	Object      string `json:"object"`
	Created     int64  `json:"created"`
	OwnedBy     string `json:"owned_by"`
	MaxModelLen int    `json:"max_model_len"`
}

func (s *Server) modelEntry() modelEntry {
	return modelEntry{s.cfg.Model, "model", s.created.Unix(), "tierlab", s.cfg.Engine.Context()}
}

func (s *Server) listModels(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, struct {
		Object string       `json:"object"`
		Data   []modelEntry `json:"data"`
	}{"list", []modelEntry{s.modelEntry()}})
}

func (s *Server) showModel(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("model")
	if err := s.checkModel(&name); err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, s.modelEntry())
}

// checkModel refuses the name of another model; a request without a name means
// the one that is served.
func (s *Server) checkModel(name *string) *apiError {
	if name == nil || *name == s.cfg.Model {
		return nil
	}
	e := newError(http.StatusNotFound, typeNotFound, "model_not_found",
		"There is no model %q here; this server has %q.", *name, s.cfg.Model)
	param := "model"
	e.Param = &param
	return e
}

// health says whether requests are taken.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	switch err := s.cfg.Engine.Err(); {
	case err != nil:
		writeError(w, newError(http.StatusServiceUnavailable, typeServer, "engine_error", "The engine failed: %v", err))
	case s.draining.Load():
		writeError(w, draining())
	default:
		writeJSON(w, http.StatusOK, struct {
			Status string `json:"status"`
		}{"ok"})
	}
}
