// GPT-NeoX, the architecture of Pythia: logits, gradients of the loss, and AdamW, in single
// precision, for WebAssembly with SIMD. It calls no library and imports nothing: its arithmetic
// is the same in all browsers. `make wasm` compiles it (portal/commands/wasm.py).
//
//   x = embed[token]
//   x = x + attention(norm1(x)) + mlp(norm2(x))            in each layer, if it is parallel
//   x = x + attention(norm1(x)); x = x + mlp(norm2(x))     in each layer, if not
//   logits = unembed norm(x)
//
// Tokens lie in the order of time, n = t * batch + b: the tokens that are new when an answer
// grows by one follow each other, and keys and values of earlier ones are still there. The host
// (engine.js) checks all sizes and tokens; here nothing is checked.

#define EXPORT(name) __attribute__((export_name(#name)))

typedef float vector __attribute__((vector_size(16), aligned(4)));

typedef struct {
  float *weight, *bias;  // of a linear layer [out, in] and [out], or of a norm, both [width]
} Affine;

typedef struct {
  Affine norm1, norm2, qkv, dense, up, down;
} Layer;

typedef struct {
  float *embed;  // [vocab, width]
  Layer *layer;
  Affine norm;
  float *unembed;  // [vocab, width]; embed itself, if the two are tied
} Parameters;

// What the gradients need of a layer's forward pass. Rows are tokens; queries, keys and values
// are [batch, heads, seq, head_dim], rotated.
typedef struct {
  float *x, *middle;              // the residual stream that norm1 reads, and norm2
  float *normed1, *normed2;       // [tokens, width]
  float *query, *key, *value;
  float *log_sum;                 // [batch, heads, seq]: log of the sum of exp(score)
  float *mixed;                   // [tokens, width]: values, weighted
  float *up, *bent;               // [tokens, ff]: before and after GELU
} Activations;

static int vocab, width, layers, heads, head_dim, rotated, ff, is_tied, is_parallel, context;
static float norm_eps;

static int count;  // of parameters
static Parameters parameters, gradients;
static float *flat, *flat_gradients, *first_moment, *second_moment;  // [count] each
static float *turns;  // [context, rotated]: cosines of a position, then sines

static int batch, seq;
static Activations *kept;  // of each layer, and where the last one leaves its output
static int *tokens, *targets;         // [seq * batch]
static float *target_weights;         // [seq * batch]; 0 where nothing is to be learned
static float *final, *d_final;        // [tokens, width]: what unembed reads
static float *d_x, *d_branch, *d_row;                // [tokens, width]
static float *d_query, *d_key, *d_value, *wide;      // wide: [tokens, 3 width]
static float *d_ff, *scores;
static float *picked, *d_picked, *logits;            // of CHUNK tokens
static int *places;                                  // of the picked tokens

enum { CHUNK = 64 };  // tokens whose logits are there at once: a vocabulary may be large

// Memory: what is given out is never given back; all of it starts again at a mark.

extern char __heap_base;
static char *free_memory;

static void *take(long long bytes) {
  unsigned taken = (unsigned)free_memory;
  long long pages = (taken + bytes + 15) / 65536 + 1, there = __builtin_wasm_memory_size(0);
  if (pages > 65535) __builtin_trap();  // an address has 32 bits
  if (pages > there && __builtin_wasm_memory_grow(0, pages - there) == (unsigned long)-1)
    __builtin_trap();
  free_memory = (char *)(taken + (unsigned)(bytes + 15) / 16 * 16);
  return (char *)taken;
}

static float *floats(long long n) { return take(n * sizeof(float)); }

static void zero(float *x, int n) { __builtin_memset(x, 0, n * sizeof(float)); }

static void copy(float *to, const float *from, int n) {
  __builtin_memcpy(to, from, n * sizeof(float));
}

static void add(float *restrict to, const float *restrict x, int n) {
  for (int i = 0; i < n; i++) to[i] += x[i];
}

static void add_scaled(float *restrict to, float factor, const float *restrict x, int n) {
  for (int i = 0; i < n; i++) to[i] += factor * x[i];
}

static float dot(const float *a, const float *b, int n) {
#pragma clang fp reassociate(on)  // four sums side by side
  float sum = 0;
  for (int i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

// Functions of a number

static inline float exponential(float x) {
  x = x < -87 ? -87 : x > 88 ? 88 : x;
  float n = __builtin_rintf(x * 1.44269504f);
  float r = x - n * 0.693359375f + n * 2.12194440e-4f;  // ln 2 in two parts: n * the first is exact
  float y = 1 + r * (1 + r * (1 / 2.f + r * (1 / 6.f + r * (1 / 24.f + r * (1 / 120.f +
            r * (1 / 720.f + r / 5040.f))))));
  union { int bits; float number; } power = {((int)n + 127) << 23};  // 2 to the n
  return y * power.number;
}

// ln(2^e (1 + s) / (1 - s)) = e ln 2 + 2 (s + s^3 / 3 + s^5 / 5 + ...), with s below 1/3.
static double logarithm(double x) {
  if (x != x) return x;
  union { double number; long long bits; } parts = {x};
  int exponent = (int)(parts.bits >> 52) - 1023;
  parts.bits += (long long)-exponent * (1LL << 52);
  double s = (parts.number - 1) / (parts.number + 1), power = s, sum = 0;
  for (int k = 1; k < 26; k += 2, power *= s * s) sum += power / k;
  return exponent * 0.69314718055994530942 + 2 * sum;
}

// The normal distribution: its density, and its share below x to 1e-7 (Abramowitz and Stegun
// 7.1.26, https://personal.math.ubc.ca/~cbm/aands/page_299.htm).
static inline float normal(float x, float *density) {
  float z = (x < 0 ? -x : x) * 0.70710678f, t = 1 / (1 + 0.3275911f * z), e = exponential(-z * z);
  float tail = 0.5f * e * t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f +
               t * (-1.453152027f + t * 1.061405429f))));
  *density = 0.39894228f * e;  // 1 / sqrt(2 pi)
  return x < 0 ? tail : 1 - tail;
}

// Products of matrices

// Any matrix, or the transpose of one: element (i, j) is at[i * down + j * right].
typedef struct {
  const float *at;
  int down, right;
} Matrix;

static Matrix by_rows(const float *at, int columns) { return (Matrix){at, columns, 1}; }
static Matrix turned(const float *at, int columns) { return (Matrix){at, 1, columns}; }

// A block of DEPTH x BREADTH of the right factor stays in the second cache. A panel of it, as
// wide as two vectors, stays in the first, and passes by panels of four rows of the left factor.
// The product of two panels stays in eight registers. DEPTH is small, since a sum of sums rounds
// less than one long sum.
enum { ROWS = 4, COLUMNS = 8, DEPTH = 32, HEIGHT = 128, BREADTH = 512 };
static _Alignas(16) float left_block[HEIGHT * DEPTH], right_block[DEPTH * BREADTH];

// Lays the rows of a matrix out as panels: for each column, as many elements as a panel has rows.
static void pack(float *to, Matrix x, int rows, int columns, int panel) {
  for (int i = 0; i < rows; i += panel)
    for (int j = 0; j < columns; j++)
      for (int r = 0; r < panel; r++)
        *to++ = i + r < rows ? x.at[(i + r) * x.down + j * x.right] : 0;
}

static void multiply_panels(float *c, int down, int rows, int columns,
                            const float *a, const float *b, int depth) {
  vector sums[ROWS][2] = {0};
  for (int k = 0; k < depth; k++, a += ROWS, b += COLUMNS) {
    vector b0 = *(vector *)b, b1 = *(vector *)(b + 4);
    for (int r = 0; r < ROWS; r++) {
      vector factor = {a[r], a[r], a[r], a[r]};
      sums[r][0] += factor * b0;
      sums[r][1] += factor * b1;
    }
  }
  if (columns >= COLUMNS) {
    for (int r = 0; r < ROWS && r < rows; r++) {
      *(vector *)(c + r * down) += sums[r][0];
      *(vector *)(c + r * down + 4) += sums[r][1];
    }
  } else {
    for (int r = 0; r < ROWS && r < rows; r++)
      for (int j = 0; j < columns; j++) c[r * down + j] += sums[r][j / 4][j % 4];
  }
}

// c[m, n] += a[m, k] b[k, n]
static void multiply(float *c, Matrix a, Matrix b, int m, int n, int k) {
  for (int kk = 0; kk < k; kk += DEPTH) {
    int depth = k - kk < DEPTH ? k - kk : DEPTH;
    for (int jj = 0; jj < n; jj += BREADTH) {
      int breadth = n - jj < BREADTH ? n - jj : BREADTH;
      Matrix right = {b.at + kk * b.down + jj * b.right, b.right, b.down};  // by columns
      pack(right_block, right, breadth, depth, COLUMNS);
      for (int ii = 0; ii < m; ii += HEIGHT) {
        int height = m - ii < HEIGHT ? m - ii : HEIGHT;
        Matrix left = {a.at + ii * a.down + kk * a.right, a.down, a.right};
        pack(left_block, left, height, depth, ROWS);
        for (int j = 0; j < breadth; j += COLUMNS)
          for (int i = 0; i < height; i += ROWS)
            multiply_panels(c + (ii + i) * n + jj + j, n, height - i, breadth - j,
                            left_block + i * depth, right_block + j * depth, depth);
      }
    }
  }
}

// Linear layers, norms, GELU: forward, and backward. Gradients are added to what is there.

// y[rows, out] += x[rows, in] weight^T + bias
static void linear(float *y, const float *x, Affine a, int rows, int out, int in) {
  for (int n = 0; n < rows; n++) add(y + n * out, a.bias, out);
  multiply(y, by_rows(x, in), turned(a.weight, in), rows, out, in);
}

static void linear_backward(float *d_x, Affine d, const float *d_y, const float *x, Affine a,
                            int rows, int out, int in) {
  for (int n = 0; n < rows; n++) add(d.bias, d_y + n * out, out);
  multiply(d.weight, turned(d_y, out), by_rows(x, in), out, in, rows);
  multiply(d_x, by_rows(d_y, out), by_rows(a.weight, in), rows, in, out);
}

// The mean of a row, and 1 / its standard deviation.
typedef struct {
  float mean, scale;
} Spread;

static Spread spread(const float *x) {
#pragma clang fp reassociate(on)
  float sum = 0, squares = 0;
  for (int i = 0; i < width; i++) sum += x[i];
  float mean = sum / width;
  for (int i = 0; i < width; i++) squares += (x[i] - mean) * (x[i] - mean);
  return (Spread){mean, 1 / __builtin_sqrtf(squares / width + norm_eps)};
}

static void norm(float *y, const float *x, Affine a, int rows) {
  for (int n = 0; n < rows; n++, x += width, y += width) {
    Spread s = spread(x);
    for (int i = 0; i < width; i++)
      y[i] = (x[i] - s.mean) * s.scale * a.weight[i] + a.bias[i];
  }
}

// With z = (x - mean) * scale and g = d_y * weight: d_x = scale (g - mean(g) - z mean(g z)).
static void norm_backward(float *d_x, Affine d, const float *d_y, const float *x, Affine a,
                          int rows) {
#pragma clang fp reassociate(on)
  for (int n = 0; n < rows; n++, x += width, d_x += width, d_y += width) {
    Spread s = spread(x);
    float sum_g = 0, sum_gz = 0;
    for (int i = 0; i < width; i++) {
      float z = (x[i] - s.mean) * s.scale, g = d_y[i] * a.weight[i];
      sum_g += g;
      sum_gz += g * z;
      d.weight[i] += d_y[i] * z;
      d.bias[i] += d_y[i];
    }
    for (int i = 0; i < width; i++) {
      float z = (x[i] - s.mean) * s.scale, g = d_y[i] * a.weight[i];
      d_x[i] += s.scale * (g - sum_g / width - z * sum_gz / width);
    }
  }
}

static void gelu(float *restrict y, const float *restrict x, int n) {
  float density;
  for (int i = 0; i < n; i++) y[i] = x[i] * normal(x[i], &density);
}

static void gelu_backward(float *restrict d, const float *restrict x, int n) {
  for (int i = 0; i < n; i++) {
    float density, share = normal(x[i], &density);
    d[i] *= share + x[i] * density;
  }
}

// Attention

// Turns pairs of features by the angles of a position: the first half of the rotated features
// with the second. The other way round for gradients.
static void rotate(float *x, int position, float direction) {
  const float *cosine = turns + position * rotated, *sine = cosine + rotated / 2;
  for (int i = 0; i < rotated / 2; i++) {
    float a = x[i], b = x[i + rotated / 2], s = direction * sine[i];
    x[i] = a * cosine[i] - b * s;
    x[i + rotated / 2] = b * cosine[i] + a * s;
  }
}

static int head_row(int b, int h, int t) { return (b * heads + h) * seq + t; }

// From rows of all heads, each with its query, key and value, to rows of one head; or back.
static void split_heads(const float *row, int from, int to, float *const parts[3]) {
  for (int t = from; t < to; t++)
    for (int b = 0; b < batch; b++)
      for (int h = 0; h < heads; h++)
        for (int part = 0; part < 3; part++, row += head_dim) {
          float *x = parts[part] + head_row(b, h, t) * head_dim;
          copy(x, row, head_dim);
          if (part < 2) rotate(x, t, 1);
        }
}

static void join_heads(float *row, float *const parts[3]) {
  for (int t = 0; t < seq; t++)
    for (int b = 0; b < batch; b++)
      for (int h = 0; h < heads; h++)
        for (int part = 0; part < 3; part++, row += head_dim) {
          float *x = parts[part] + head_row(b, h, t) * head_dim;
          if (part < 2) rotate(x, t, -1);
          copy(row, x, head_dim);
        }
}

static void attend(Activations *k, int b, int h, int t) {
  float scale = 1 / __builtin_sqrtf(head_dim), top = -__builtin_inff(), sum = 0;
  const float *query = k->query + head_row(b, h, t) * head_dim;
  const float *keys = k->key + head_row(b, h, 0) * head_dim;
  const float *values = k->value + head_row(b, h, 0) * head_dim;
  float *y = k->mixed + (t * batch + b) * width + h * head_dim;
  for (int u = 0; u <= t; u++) {
    scores[u] = scale * dot(query, keys + u * head_dim, head_dim);
    top = scores[u] > top ? scores[u] : top;
  }
  for (int u = 0; u <= t; u++) sum += scores[u] = exponential(scores[u] - top);
  zero(y, head_dim);
  for (int u = 0; u <= t; u++) add_scaled(y, scores[u] / sum, values + u * head_dim, head_dim);
  k->log_sum[head_row(b, h, t)] = top + (float)logarithm(sum);
}

// The weights are computed again from their scores. For a weight p and its score s,
// d_s = p (d_p - sum of p d_p), and that sum is the product of the output and its gradient.
static void attend_backward(const Activations *k, const float *d_mixed, int b, int h, int t) {
  float scale = 1 / __builtin_sqrtf(head_dim), log_sum = k->log_sum[head_row(b, h, t)];
  int row = (t * batch + b) * width + h * head_dim, first = head_row(b, h, 0) * head_dim;
  const float *query = k->query + first + t * head_dim, *d_y = d_mixed + row;
  float sum = dot(d_y, k->mixed + row, head_dim);
  for (int u = 0; u <= t; u++) {
    int past = first + u * head_dim;
    const float *key = k->key + past, *value = k->value + past;
    float weight = exponential(scale * dot(query, key, head_dim) - log_sum);
    float d_score = scale * weight * (dot(d_y, value, head_dim) - sum);
    add_scaled(d_value + past, weight, d_y, head_dim);
    add_scaled(d_query + first + t * head_dim, d_score, key, head_dim);
    add_scaled(d_key + past, d_score, query, head_dim);
  }
}

// The model

// Weights lie in this order, which is that of GPTNeoXForCausalLM in transformers.
static Affine take_affine(float **next, int weights, int biases) {
  Affine a = {*next, *next + weights};
  *next += weights + biases;
  return a;
}

static float *place(Parameters *p, float *next) {
  p->embed = next;
  next += vocab * width;
  for (Layer *l = p->layer; l < p->layer + layers; l++) {
    l->norm1 = take_affine(&next, width, width);
    l->norm2 = take_affine(&next, width, width);
    l->qkv = take_affine(&next, 3 * width * width, 3 * width);
    l->dense = take_affine(&next, width * width, width);
    l->up = take_affine(&next, ff * width, ff);
    l->down = take_affine(&next, width * ff, width);
  }
  p->norm = take_affine(&next, width, width);
  p->unembed = is_tied ? p->embed : next;
  return is_tied ? next : next + vocab * width;
}

static char *after_model;

EXPORT(create) int create(int vocab_, int width_, int layers_, int heads_, int rotated_, int ff_,
                          int context_, int is_tied_, int is_parallel_, float norm_eps_) {
  vocab = vocab_, width = width_, layers = layers_, heads = heads_, rotated = rotated_, ff = ff_;
  context = context_, is_tied = is_tied_, is_parallel = is_parallel_, norm_eps = norm_eps_;
  head_dim = width / heads;
  batch = seq = 0;
  free_memory = &__heap_base;
  parameters.layer = take(layers * sizeof(Layer));
  gradients.layer = take(layers * sizeof(Layer));
  kept = take((layers + 1) * sizeof(Activations));
  count = (unsigned)place(&parameters, 0) / sizeof(float);
  flat = floats(count), flat_gradients = floats(count);
  first_moment = floats(count), second_moment = floats(count);
  turns = floats(context * rotated);
  place(&parameters, flat);
  place(&gradients, flat_gradients);
  after_model = free_memory;
  return count;
}

EXPORT(values) float *get_values(void) { return flat; }
EXPORT(gradients) float *get_gradients(void) { return flat_gradients; }
EXPORT(turns) float *get_turns(void) { return turns; }
EXPORT(tokens) int *get_tokens(void) { return tokens; }
EXPORT(targets) int *get_targets(void) { return targets; }
EXPORT(target_weights) float *get_target_weights(void) { return target_weights; }

// Makes room for a batch of texts of as many tokens; forgets the one before.
EXPORT(reserve) void reserve(int batch_, int seq_) {
  if (batch == batch_ && seq == seq_) return;
  batch = batch_, seq = seq_;
  int rows = batch * seq, picks = rows < CHUNK ? rows : CHUNK;
  free_memory = after_model;
  tokens = take(rows * sizeof(int)), targets = take(rows * sizeof(int));
  target_weights = floats(rows);
  for (int l = 0; l <= layers; l++) {
    Activations *k = &kept[l];
    k->x = floats(rows * width);
    if (l == layers) break;
    k->middle = is_parallel ? k->x : floats(rows * width);
    k->normed1 = floats(rows * width), k->normed2 = floats(rows * width);
    k->query = floats(rows * width), k->key = floats(rows * width);
    k->value = floats(rows * width), k->log_sum = floats(rows * heads);
    k->mixed = floats(rows * width);
    k->up = floats(rows * ff), k->bent = floats(rows * ff);
  }
  final = floats(rows * width), d_final = floats(rows * width);
  d_x = floats(rows * width), d_branch = floats(rows * width), d_row = floats(rows * width);
  d_query = floats(rows * width), d_key = floats(rows * width), d_value = floats(rows * width);
  wide = floats(rows * 3 * width), d_ff = floats(rows * ff), scores = floats(seq);
  places = take(rows * sizeof(int)), logits = floats(picks * vocab);
  picked = floats(picks * width), d_picked = floats(picks * width);
}

// Runs the tokens of the positions from, ..., to - 1. Those before must have been run.
EXPORT(forward) void forward(int from, int to) {
  int first = from * batch, rows = (to - from) * batch, at = first * width, at_ff = first * ff;
  for (int n = first; n < first + rows; n++)
    copy(kept[0].x + n * width, parameters.embed + tokens[n] * width, width);
  for (int l = 0; l < layers; l++) {
    Activations *k = &kept[l];
    Layer *p = &parameters.layer[l];
    float *out = kept[l + 1].x + at;
    norm(k->normed1 + at, k->x + at, p->norm1, rows);
    zero(wide, rows * 3 * width);
    linear(wide, k->normed1 + at, p->qkv, rows, 3 * width, width);
    split_heads(wide, from, to, (float *[]){k->query, k->key, k->value});
    for (int b = 0; b < batch; b++)
      for (int h = 0; h < heads; h++)
        for (int t = from; t < to; t++) attend(k, b, h, t);
    copy(out, k->x + at, rows * width);
    linear(out, k->mixed + at, p->dense, rows, width, width);
    if (!is_parallel) copy(k->middle + at, out, rows * width);
    norm(k->normed2 + at, k->middle + at, p->norm2, rows);
    zero(k->up + at_ff, rows * ff);
    linear(k->up + at_ff, k->normed2 + at, p->up, rows, ff, width);
    gelu(k->bent + at_ff, k->up + at_ff, rows * ff);
    linear(out, k->bent + at_ff, p->down, rows, width, ff);
  }
  norm(final + at, kept[layers].x + at, parameters.norm, rows);
}

// Logits of at most CHUNK tokens from n on, after forward.
EXPORT(logits) float *get_logits(int n, int rows) {
  zero(logits, rows * vocab);
  multiply(logits, by_rows(final + n * width, width), turned(parameters.unembed, width), rows,
           vocab, width);
  return logits;
}

// -weight * log softmax(z)[target]; z becomes the gradient of that.
static double cross_entropy(float *z, int target, float weight) {
  float top = z[0], sum = 0, logit = z[target];
  for (int i = 1; i < vocab; i++) top = z[i] > top ? z[i] : top;
  for (int i = 0; i < vocab; i++) sum += z[i] = exponential(z[i] - top);
  for (int i = 0; i < vocab; i++) z[i] *= weight / sum;
  z[target] -= weight;
  return weight * (top - logit + logarithm(sum));
}

// The sum of weight * -log p(target) over all tokens of the batch, of which most have weight 0:
// for those, logits are not computed.
EXPORT(loss) double loss(int with_gradients) {
  int rows = batch * seq, learned = 0;
  double total = 0;
  for (int n = 0; n < rows; n++)
    if (target_weights[n] != 0) places[learned++] = n;
  if (with_gradients) zero(d_final, rows * width);
  for (int i = 0; i < learned; i += CHUNK) {
    int picks = learned - i < CHUNK ? learned - i : CHUNK, *place = places + i;
    for (int j = 0; j < picks; j++) copy(picked + j * width, final + place[j] * width, width);
    zero(logits, picks * vocab);
    multiply(logits, by_rows(picked, width), turned(parameters.unembed, width), picks, vocab,
             width);
    for (int j = 0; j < picks; j++)
      total += cross_entropy(logits + j * vocab, targets[place[j]], target_weights[place[j]]);
    if (!with_gradients) continue;
    multiply(gradients.unembed, turned(logits, vocab), by_rows(picked, width), vocab, width,
             picks);
    zero(d_picked, picks * width);
    multiply(d_picked, by_rows(logits, vocab), by_rows(parameters.unembed, width), picks, width,
             vocab);
    for (int j = 0; j < picks; j++) copy(d_final + place[j] * width, d_picked + j * width, width);
  }
  return total;
}

static void mlp_backward(const Activations *k, const Layer *p, const Layer *d, int rows) {
  zero(d_ff, rows * ff);
  linear_backward(d_ff, d->down, d_x, k->bent, p->down, rows, width, ff);
  gelu_backward(d_ff, k->up, rows * ff);
  zero(d_row, rows * width);
  linear_backward(d_row, d->up, d_ff, k->normed2, p->up, rows, ff, width);
  norm_backward(d_branch, d->norm2, d_row, k->middle, p->norm2, rows);
}

static void attention_backward(const Activations *k, const Layer *p, const Layer *d, int rows) {
  zero(d_row, rows * width);
  linear_backward(d_row, d->dense, d_x, k->mixed, p->dense, rows, width, width);
  zero(d_query, rows * width), zero(d_key, rows * width), zero(d_value, rows * width);
  for (int b = 0; b < batch; b++)
    for (int h = 0; h < heads; h++)
      for (int t = 0; t < seq; t++) attend_backward(k, d_row, b, h, t);
  join_heads(wide, (float *[]){d_query, d_key, d_value});
  zero(d_row, rows * width);
  linear_backward(d_row, d->qkv, wide, k->normed1, p->qkv, rows, 3 * width, width);
  norm_backward(d_branch, d->norm1, d_row, k->x, p->norm1, rows);
}

// The loss of the batch, and its gradient for each parameter.
EXPORT(backward) double backward(void) {
  int rows = batch * seq;
  zero(flat_gradients, count);
  forward(0, seq);
  double total = loss(1);
  zero(d_x, rows * width);
  norm_backward(d_x, gradients.norm, d_final, kept[layers].x, parameters.norm, rows);
  for (int l = layers - 1; l >= 0; l--) {
    zero(d_branch, rows * width);
    mlp_backward(&kept[l], &parameters.layer[l], &gradients.layer[l], rows);
    if (!is_parallel) {
      add(d_x, d_branch, rows * width);
      zero(d_branch, rows * width);
    }
    attention_backward(&kept[l], &parameters.layer[l], &gradients.layer[l], rows);
    add(d_x, d_branch, rows * width);
  }
  for (int n = 0; n < rows; n++)
    add(gradients.embed + tokens[n] * width, d_x + n * width, width);
  return total;
}

// Forgets the moments, as at the first update.
EXPORT(rest) void rest(void) {
  zero(first_moment, count);
  zero(second_moment, count);
}

// One update, which counts from 1. What is near 1 is in double precision: of a second beta of
// 0.999, single precision has only three digits of 1 - beta.
EXPORT(adamw) void adamw(double rate, double beta1, double beta2, double eps, double decay,
                         double correction1, double correction2) {
  float *restrict x = flat, *restrict m = first_moment, *restrict v = second_moment;
  const float *restrict g = flat_gradients;
  float keep1 = beta1, take1 = 1 - beta1, keep2 = beta2, take2 = 1 - beta2, least = eps;
  float size = rate / correction1, unit = 1 / correction2, shrink = 1 - rate * decay;
  for (int i = 0; i < count; i++) {
    m[i] = keep1 * m[i] + take1 * g[i];
    v[i] = keep2 * v[i] + take2 * g[i] * g[i];
    x[i] = shrink * x[i] - size * m[i] / (__builtin_sqrtf(unit * v[i]) + least);
  }
}
