package member

// weight orders sets of nodes: the sum over the members decides. Its fields are, from the most significant:
// members of the partition that may act, nodes that were heard recently, votes, nodes. Each field is wide enough
// for the sum over MaxNodes nodes.
type weight struct{ major, minor uint64 }

const (
	anchorUnit = 1 << 32
	freshUnit  = 1
	votesUnit  = 1 << 32
	nodeUnit   = 1
)

func (w weight) plus(v weight) weight { return weight{w.major + v.major, w.minor + v.minor} }

func (w weight) minus(v weight) weight { return weight{w.major - v.major, w.minor - v.minor} }

func (w weight) above(v weight) bool {
	return w.major > v.major || w.major == v.major && w.minor > v.minor
}

// maxSteps bounds the search. Real partial meshes need a few dozen steps; a graph that was made to be hard
// gets the best clique found so far, which is the same on every node that sees the same graph.
const maxSteps = 20_000

// search looks for the heaviest clique of a graph.
type search struct {
	adjacent []Set // by index, symmetric
	weights  []weight
	best     Set
	bestW    weight
	found    bool
	steps    int
}

// heaviest is the clique of the greatest weight among the nodes; of equals the one with the lowest indexes.
func heaviest(nodes Set, adjacent []Set, weights []weight) Set {
	s := &search{adjacent: adjacent, weights: weights}
	var core, rest Set
	var coreW, restW weight
	for i := range nodes.All() {
		others := nodes
		others.Remove(i)
		if adjacent[i].Contains(others) {
			core.Add(i) // knows everybody, so it is in every maximal clique
			coreW = coreW.plus(weights[i])
		} else {
			rest.Add(i)
			restW = restW.plus(weights[i])
		}
	}
	s.walk(core, coreW, rest, restW)
	return s.best
}

func (s *search) walk(in Set, inW weight, rest Set, restW weight) {
	if s.steps++; s.found && (s.steps > maxSteps || !inW.plus(restW).above(s.bestW)) {
		return
	}
	i := rest.First()
	if i < 0 {
		s.best, s.bestW, s.found = in, inW, true
		return
	}
	rest.Remove(i)
	restW = restW.minus(s.weights[i])
	kept, keptW := rest.And(s.adjacent[i]), restW
	for j := range rest.Without(s.adjacent[i]).All() {
		keptW = keptW.minus(s.weights[j])
	}
	with := in
	with.Add(i)
	s.walk(with, inW.plus(s.weights[i]), kept, keptW)
	s.walk(in, inW, rest, restW)
}
