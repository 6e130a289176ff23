// Powers: logarithms and exponentials to base 2 in pairs of f32, so that a power is the nearest f32
// or the one beside it. A pair is a sum x + y of which x is the rounded value.
//
// The arithmetic is in f32 whatever the working dtype; the result alone is rounded to it. Products
// are split after Dekker (Numerische Mathematik 18, 1971), as no `fma` has one meaning everywhere.

// The upper half of a significand.
fn upper(x: f32) -> f32 {
    return float(bits(x) & 0xfffff000);
}

// What the rounded product p of a and b lacks.
fn product_error(a: f32, b: f32, p: f32) -> f32 {
    let ah = upper(a);
    let bh = upper(b);
    let al = rz_sum(a - ah);
    let bl = rz_sum(b - bh);
    let high = rz_sum(rz_sum(ah * bh) - p);
    let middle = rz_sum(rz_sum(high + rz_sum(ah * bl)) + rz_sum(al * bh));
    return rz_sum(middle + rz_sum(al * bl));
}

// a + b as a pair, where a is the larger or zero.
fn pair(a: f32, b: f32) -> vec2f {
    let sum = rz_sum(a + b);
    return vec2f(sum, rz_sum(b - rz_sum(sum - a)));
}

// a + b as a pair.
fn sum_pair(a: f32, b: f32) -> vec2f {
    let sum = rz_sum(a + b);
    let own = rz_sum(sum - a);
    let rest = rz_sum(a - rz_sum(sum - own));
    return vec2f(sum, rz_sum(rest + rz_sum(b - own)));
}

fn add_pairs(a: vec2f, b: vec2f) -> vec2f {
    let high = sum_pair(a.x, b.x);
    return pair(high.x, rz_sum(high.y + rz_sum(a.y + b.y)));
}

fn negated_pair(a: vec2f) -> vec2f {
    return vec2f(float(bits(a.x) ^ 0x80000000), float(bits(a.y) ^ 0x80000000));
}

fn scaled_pair(a: vec2f, factor: f32) -> vec2f {
    let high = rz_sum(a.x * factor);
    let low = rz_sum(product_error(a.x, factor, high) + rz_sum(a.y * factor));
    return pair(high, low);
}

// Whether a magnitude has a logarithm.
fn has_logarithm(x: f32) -> bool {
    return !is_zero(bits(x)) && !is_non_finite(bits(x));
}

// The logarithm of |x| to base 2; 0 where it has none. With |x| = 2^e m, m around 1, it is
// e + 2 / ln 2 (s + s^3/3 + ...), s = (m - 1) / (m + 1).
fn logarithm(x: f32) -> vec2f {
    let a = select(0x3f800000, bits(x) & 0x7fffffff, has_logarithm(x));
    // The exponent of what lies from half the root of 2 up to the root of 2, with its bias.
    let biased = (a + 0x4afb0d) >> 23;
    let exponent = rz_sum(f32(biased) - float(0x42fe0000));
    let m = float(wrapping_sub(a + 0x3f800000, biased << 23));
    let one = float(0x3f800000);
    let n = rz_sum(m - one);
    let d = pair(one, m);
    let s = rz_sum(quotient(n, d.x));
    let p = rz_sum(s * d.x);
    let rest = rz_sum(rz_sum(rz_sum(n - p) - product_error(s, d.x, p)) - rz_sum(s * d.y));
    let s_low = rz_sum(quotient(rest, d.x));
    // 2 / ln 2 as a pair, and its thirds, fifths and so on.
    let k = float(0x4038aa3b);
    let k_low = float(0x33257060);
    let z = rz_sum(s * s);
    let t5 = float(0x3e864d42);
    let t4 = rz_sum(float(0x3ea4258a) + rz_sum(z * t5));
    let t3 = rz_sum(float(0x3ed30bb1) + rz_sum(z * t4));
    let t2 = rz_sum(float(0x3f13bb63) + rz_sum(z * t3));
    let t1 = rz_sum(float(0x3f76384f) + rz_sum(z * t2));
    let tail = rz_sum(rz_sum(s * z) * t1);
    let high = rz_sum(s * k);
    let cross = rz_sum(rz_sum(s * k_low) + rz_sum(s_low * k));
    let low = rz_sum(rz_sum(product_error(s, k, high) + cross) + tail);
    let sum = pair(exponent, high);
    return pair(sum.x, rz_sum(sum.y + low));
}

// 2 to the power of a pair. Beyond 200 both ways the result is infinite or 0 in any case.
fn exponential(y: vec2f) -> f32 {
    let beyond = (bits(y.x) & 0x7fffffff) > 0x43480000;
    let clamped = (bits(y.x) & 0x80000000) | 0x43480000;
    let high = float(select(bits(y.x), clamped, beyond));
    let low = float(select(bits(y.y), 0, beyond));
    // The nearest whole number, by the place of its last bit.
    let shifted = rz_sum(high + float(0x4b400000));
    let whole = rz_sum(shifted - float(0x4b400000));
    let f = pair(rz_sum(high - whole), low);
    // ln 2 as a pair.
    let ln = float(0x3f317218);
    let t = rz_sum(f.x * ln);
    let cross = rz_sum(rz_sum(f.x * float(0xb102e308)) + rz_sum(f.y * ln));
    let t_low = rz_sum(product_error(f.x, ln, t) + cross);
    let c7 = rz_sum(float(0x39500d01) + rz_sum(t * float(0x37d00d01)));
    let c6 = rz_sum(float(0x3ab60b61) + rz_sum(t * c7));
    let c5 = rz_sum(float(0x3c088889) + rz_sum(t * c6));
    let c4 = rz_sum(float(0x3d2aaaab) + rz_sum(t * c5));
    let c3 = rz_sum(float(0x3e2aaaab) + rz_sum(t * c4));
    let c2 = rz_sum(float(0x3f000000) + rz_sum(t * c3));
    let bend = rz_sum(rz_sum(t * t) * c2);
    let sum = pair(float(0x3f800000), t);
    let value = rz_sum(sum.x + rz_sum(sum.y + rz_sum(t_low + bend)));
    // Two factors, as one power of two would not fit.
    let k = wrapping_sub(bits(shifted), 0x4b3ffe00);
    let first = k >> 1;
    let second = k - first;
    let half = rz_sum(value * float((first - 129) << 23));
    return rz_sum(half * float((second - 129) << 23));
}

// The logarithm of |x|^p. A larger exponent than 2^30 counts as that.
fn power_logarithm(x: f32, p: f32) -> vec2f {
    let beyond = (bits(p) & 0x7fffffff) > 0x4e800000;
    let clamped = (bits(p) & 0x80000000) | 0x4e800000;
    return scaled_pair(logarithm(x), float(select(bits(p), clamped, beyond)));
}

// |x|^p where x has no logarithm, else 1. 0^0 is 1.
fn power_edge(x: f32, p: f32) -> f32 {
    let infinite = (bits(x) & 0x7fffffff) == 0x7f800000;
    let negative = (bits(p) >> 31) == 1;
    let infinity: u32 = 0x7f800000;
    let edge = select(0, infinity, infinite != negative);
    let known = select(edge, 0x3f800000, is_zero(bits(p)) || has_logarithm(x));
    return float(select(known, 0x7fc00000, is_nan(bits(x)) || is_nan(bits(p))));
}

// |a|^(1 - t) |b|^t
fn geometric_size(a: f32, b: f32, t: f32) -> f32 {
    let s = rz_sum(float(0x3f800000) - t);
    let size = exponential(add_pairs(power_logarithm(a, s), power_logarithm(b, t)));
    return rz_sum(size * rz_sum(power_edge(a, s) * power_edge(b, t)));
}

// The cosine of pi u. From 2^22 on u counts as 0.
fn cosine_of_turns(u: f32) -> f32 {
    let one = float(0x3f800000);
    let a = bits(u) & 0x7fffffff;
    let x = float(select(a, 0, a >= 0x4a800000));
    let near = float(0x4b400000);
    let turns = rz_sum(rz_sum(rz_sum(x * float(0x3f000000)) + near) - near);
    let r = magnitude(rz_sum(x - rz_sum(turns * float(0x40000000))));
    let obtuse = bits(r) > 0x3f000000;
    let v = float(select(bits(r), bits(rz_sum(one - r)), obtuse));
    let flat = cosine_near_zero(v);
    let steep = sine_near_zero(rz_sum(float(0x3f000000) - v));
    let value = select(bits(flat), bits(steep), bits(v) > 0x3e800000);
    return float(select(value, value ^ 0x80000000, obtuse && !is_zero(value)));
}

// The cosine of pi v for v in [0, 1/4].
fn cosine_near_zero(v: f32) -> f32 {
    let z = rz_sum(v * v);
    // pi^2 / 2 as a pair, and the further terms.
    let k = float(0x409de9e6);
    let c4 = rz_sum(float(0xbfaae9e4) + rz_sum(z * float(0x3e70fa83)));
    let c3 = rz_sum(float(0x4081e0f8) + rz_sum(z * c4));
    let main = rz_sum(z * k);
    let rest = rz_sum(product_error(z, k, main) + rz_sum(product_error(v, v, z) * k));
    let low = rz_sum(rest + rz_sum(z * float(0x341be45e)));
    let bend = rz_sum(rz_sum(rz_sum(z * z) * c3) - low);
    let sum = pair(float(0x3f800000), float(bits(main) ^ 0x80000000));
    return rz_sum(sum.x + rz_sum(sum.y + bend));
}

// The sine of pi v for v in [0, 1/4].
fn sine_near_zero(v: f32) -> f32 {
    let z = rz_sum(v * v);
    let pi = float(0x40490fdb);
    let c4 = rz_sum(float(0xbf196966) + rz_sum(z * float(0x3da83c1a)));
    let c3 = rz_sum(float(0x402335e3) + rz_sum(z * c4));
    let c2 = rz_sum(float(0xc0a55de7) + rz_sum(z * c3));
    let main = rz_sum(v * pi);
    let low = rz_sum(product_error(v, pi, main) + rz_sum(v * float(0xb3bbbd2e)));
    return rz_sum(main + rz_sum(low + rz_sum(rz_sum(v * z) * c2)));
}

// The real part of a^(1 - t) b^t, principal powers of complex numbers. Two negative numbers have
// a negative mean; where one is, the size is turned by its share of pi.
fn geometric(a: f32, b: f32, t: f32) -> f32 {
    let one = float(0x3f800000);
    let below_a = (bits(a) >> 31) == 1;
    let below_b = (bits(b) >> 31) == 1;
    let of_b = select(0, bits(t), below_b);
    let of_a = select(0, bits(rz_sum(one - t)), below_a);
    let turn = cosine_of_turns(float(select(of_a | of_b, bits(one), below_a && below_b)));
    return rz(rz_sum(geometric_size(a, b, t) * turn));
}

// |a|^(1 - t) |b|^t with the sign of s.
fn signed_geometric(a: f32, b: f32, s: f32, t: f32) -> f32 {
    return rz(float((bits(geometric_size(a, b, t)) & 0x7fffffff) | (bits(s) & 0x80000000)));
}

// The real part of a (b / c)^p. With x = ln |a/c| and y = ln |b/c|, p is alpha times
// -x y / max(|x|, |y|)^2 where that is positive, else 0. A number without a logarithm leaves a, but
// NaN stays.
fn multiply_quotient(a: f32, b: f32, c: f32, alpha: f32) -> f32 {
    let below_c = negated_pair(logarithm(c));
    let of_a = add_pairs(logarithm(a), below_c);
    let of_b = add_pairs(logarithm(b), below_c);
    let larger = greatest(magnitude(of_a.x), magnitude(of_b.x));
    let square = rz_sum(larger * larger);
    let divisor = float(select(bits(square), 0x3f800000, is_zero(bits(square))));
    let accordance = rz_sum(quotient(rz_sum(of_a.x * of_b.x), divisor));
    let defined = has_logarithm(a) && has_logarithm(b) && has_logarithm(c);
    let opposed = defined && ((bits(accordance) >> 31) == 1);
    let pull = select(0, bits(accordance) & 0x7fffffff, opposed);
    let p = rz_sum(alpha * float(pull));
    let size = exponential(scaled_pair(of_b, p));
    let opposite = ((bits(b) ^ bits(c)) >> 31) == 1;
    let turn = cosine_of_turns(float(select(0, bits(p), opposite)));
    let value = rz(rz_sum(a * rz_sum(size * turn)));
    let known = select(bits(a), bits(value), defined);
    let unknown = is_nan(bits(a)) || is_nan(bits(b)) || is_nan(bits(c));
    return float(select(known, 0x7fc00000, unknown));
}

// The root of x^2 + y^2 with the sign of s.
fn signed_length(x: f32, y: f32, s: f32) -> f32 {
    let square = rz_sum(rz_sum(x * x) + rz_sum(y * y));
    let half = float(0x3f000000);
    let root = exponential(power_logarithm(square, half));
    let length = rz_sum(root * power_edge(square, half));
    return rz(float(bits(length) | (bits(s) & 0x80000000)));
}

// w (x y / max(|x|, |y|)^2 + 1) / 2, and w itself where x and y are 0.
fn likeness(x: f32, y: f32, w: f32) -> f32 {
    let larger = greatest(magnitude(x), magnitude(y));
    let none = is_zero(bits(larger));
    let one = float(0x3f800000);
    let divisor = float(select(bits(larger), bits(one), none));
    // Quotients first, so that no square underflows.
    let share = rz(rz(quotient(x, divisor)) * rz(quotient(y, divisor)));
    let likeness = mul(rz(share + one), float(0x3f000000));
    return mul(float(select(bits(likeness), bits(one), none)), w);
}

// The first value from the element `from` on and before `to`, elsewhere the second.
fn between(inside: f32, outside: f32, index: u32, start: u32, end: u32) -> f32 {
    return float(select(bits(outside), bits(inside), (index >= start) && (index < end)));
}
