package geos

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// The distances are those that redis-server 7.0.15 stores for STOREDIST, from a
// place to the place of a score, to the last digit.
func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		from  point
		score float64
		want  float64
	}{
		{point{-87.5506840977092, -23.766034025009596}, 2064323069313474, 12086520.881696353},
		{point{-168.61612827446592, -5.775394064478306}, 3390913054392226, 20020732.798814256},
		{point{-45.89797870869401, 61.898836921336}, 2040360374982545, 9.0402182239211015},
		{point{-174.305120127173, -47.58939352207351}, 94575215031651, 9835.6117744985277},
		{point{-121.86169197582231, 49.92069456044234}, 1470317084071301, 1625845.5328399735},
		{point{-131.65777419034097, 79.3526646673381}, 1638092114403073, 6415.1621589340384},
		{point{133.32198002637506, -35.39673181851635}, 3147689184604415, 8413.9549139311712},
		{point{-113.96261666067387, 78.71753808876758}, 1649055325021435, 10429.329530242847},
		{point{-72.03357456831534, -23.320090966639462}, 280982239381608, 2984282.8280871734},
		{point{-60.196093575011545, 53.32325224073588}, 2025444839297277, 2.6018246238826479},
		{point{-155.3639627027144, -24.300971973605186}, 339889409604230, 58821.152240411451},
		{point{-6.723817727202743, 34.38441453567276}, 1962584293648007, 13332.83769933495},
		{point{160.82093064804837, -23.9157970701159}, 3295795400744764, 2.3563803743651022},
		{point{-47.905957648613935, 13.191163281554935}, 928331126694228, 4436225.6894601891},
		{point{44.28926512565016, 76.33827198308438}, 3794310027591302, 5993.8399673245976},
		{point{-55.711310927021714, -24.394741550270744}, 977615350105349, 1846004.2471003293},
		{point{32.13528691177444, 47.20584110866548}, 3698594658930092, 4.8732757898027428},
		{point{159.5964662451018, -68.68178281914288}, 3035532049530717, 860050.69046334561},
		{point{-57.29448946794763, 71.26520006386883}, 2083515762492757, 4184.4641546779958},
		{point{-69.39075751947583, 50.19396767867332}, 1987412149384114, 52373.06821371874},
		{point{177.82819960413997, -56.86304997666447}, 3077360749954206, 108267.42085292433},
		{point{151.65124012014206, -78.6531508574445}, 2209929116123969, 20020734.00000016},
		{point{-126.86481121224773, 80.48050428852179}, 1651455924577218, 504136.99064147758},
		{point{121.15768265819133, -62.06393303827584}, 2923429523610478, 103013.91542564731},
		{point{-140.82624172838132, -10.994727979126566}, 1142730056049687, 3272855.7838107864},
		{point{-128.4495377672504, 70.89656174095265}, 1625208953179822, 74104.851056718646},
		{point{-16.63268372619885, -1.9892882427203773}, 2773650341078609, 9164653.7255797628},
		{point{-10.711064394141687, 67.51255882243117}, 2220937024899585, 78674.555152751593},
		{point{164.61408628690128, 21.330115120412955}, 3278806250475041, 6467598.2025163481},
		{point{-2.9133956172539115, 2.5500505818365866}, 1876314905235927, 1.0794502806528405},
		{point{102.39608350891126, 46.1828794759318}, 4232149642810149, 4.6685604107901906},
		{point{-48.891428722183946, 34.350888433126116}, 1823397394472516, 40380.646839857814},
		{point{163.56498280544594, -26.867670616892866}, 3294885200555289, 101077.874160345},
		{point{16.822739370097906, -41.88369561171512}, 2381224851413086, 872865.30441461131},
		{point{52.78242602320353, 50.001159041403724}, 2251650089460554, 4143278.5036154138},
		{point{-53.68383578810621, 57.60377065074047}, 2191861278926222, 1658525.4204217803},
		{point{163.43289875755795, 3.0474243151558795}, 4119140219338170, 74546.371712569555},
		{point{156.58264542877686, -3.8238592779623275}, 3341336086881494, 64764.402359960186},
		{point{-117.48602184051722, 47.10243354205613}, 1578622005767895, 1152827.9289357117},
		{point{-70.64553796278034, 8.938913838195774}, 983130352899246, 2882266.4413835439},
	} {
		if got := distance(tt.from, pointOf(tt.score)); got != tt.want {
			t.Errorf("distance(%v, %v) = %v; want %v", tt.from, pointOf(tt.score), got, tt.want)
		}
		if got := roughly(tt.from, pointOf(tt.score)); math.Abs(got-tt.want) > 1 {
			t.Errorf("roughly(%v, %v) = %v; want %v", tt.from, pointOf(tt.score), got, tt.want)
		}
	}
}

// Sine, cosine and arc sine agree with Go's but for the last digit, and where
// the outcome is known exactly they are exact.
func TestTrigonometry(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	same := func(got, want float64) bool { return math.Abs(got-want) <= 4e-16 }
	for range 10000 {
		x := (r.Float64() - 0.5) * 2 * math.Pi
		if got := sine(x); !same(got, math.Sin(x)) {
			t.Errorf("sine(%v) = %v; want %v", x, got, math.Sin(x))
		}
		if got := cosine(x); !same(got, math.Cos(x)) {
			t.Errorf("cosine(%v) = %v; want %v", x, got, math.Cos(x))
		}
		y := r.Float64()
		if got := sine(arcsine(y)); !same(got, y) { // Go's arc sine is worse near 1
			t.Errorf("sine(arcsine(%v)) = %v; want %v", y, got, y)
		}
	}
	for _, tt := range []struct{ got, want float64 }{
		{sine(0), 0}, {cosine(0), 1}, {sine(math.Pi / 2), 1}, {sine(math.Pi), 1.2246467991473532e-16},
		{cosine(math.Pi / 2), 6.123233995736766e-17}, {cosine(math.Pi), -1},
		{arcsine(0), 0}, {arcsine(1), math.Pi / 2}, {arcsine(0.5), 0.5235987755982989},
	} {
		if tt.got != tt.want {
			t.Errorf("got %v; want %v", tt.got, tt.want)
		}
	}
}

// A place comes back from its score within the cell that the score means.
func TestCells(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 1000 {
		p := randomPoint(r)
		score := scoreOf(p)
		if got := distance(p, pointOf(float64(score))); got > 0.6 {
			t.Errorf("%v came back from %d %v m away", p, score, got)
		}
		step := 1 + r.IntN(steps)
		c := cellAt(p, latMax, step)
		if score < c.score() || score >= c.end() {
			t.Errorf("the score %d of %v is not from %d to %d", score, p, c.score(), c.end())
		}
		a := c.area()
		if p.lon < a.min.lon || p.lon > a.max.lon || p.lat < a.min.lat || p.lat > a.max.lat {
			t.Errorf("%v is not in its cell %v", p, a)
		}
		if got := c.move(1, -1).move(-1, 1); got != c {
			t.Errorf("there and back from %v is %v", c, got)
		}
		if got := squeeze(spread(uint32(c.bits))); got != uint32(c.bits) {
			t.Errorf("squeeze(spread(%#x)) = %#x", uint32(c.bits), got)
		}
	}
}

func randomPoint(r *rand.Rand) point {
	return point{(r.Float64() - 0.5) * 359, (r.Float64() - 0.5) * 169}
}

// Scores that ZADD made and that mean no place are still some integer.
func TestWhole(t *testing.T) {
	for _, tt := range []struct {
		score float64
		want  uint64
	}{
		{0, 0}, {1.9, 1}, {-1, math.MaxUint64}, {1 << 63, 1 << 63}, {3 << 62, 3 << 62},
		{1e30, 0}, {math.Inf(1), 0}, {-1e30, 1 << 63}, {math.Inf(-1), 1 << 63},
	} {
		if got := whole(tt.score); got != tt.want {
			t.Errorf("whole(%v) = %#x; want %#x", tt.score, got, tt.want)
		}
	}
}
