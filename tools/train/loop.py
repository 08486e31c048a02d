"""The training loop that all recipes share: AdamW with warm-up and linear decay, a log, a plot, and state by which a
run that was killed goes on to the same result, to the byte."""
import hashlib
import json
import os
import random
import shutil
import sys
import time

import torch

from folder import fail


def add_arguments(parser):
    g = parser.add_argument_group("training")
    g.add_argument("--steps", type=int, default=1000)
    g.add_argument("--batch", type=int, default=32, help="texts of a step")
    g.add_argument("--lr", type=float, default=1e-4, help="at the end of the warm-up; it falls to 0 from there")
    g.add_argument("--warmup", type=float, default=0.1, help="part of the steps")
    g.add_argument("--weight-decay", type=float, default=0.01)
    g.add_argument("--seed", type=int, default=1)
    g.add_argument("--threads", type=int, default=1, help="results are equal for equal numbers of threads")
    g.add_argument("--bf16", action="store_true", help="matrix products in bf16 (autocast)")
    g.add_argument("--validate", type=int, default=200, metavar="N", help="every N steps, and at the end")
    g.add_argument("--save", type=int, default=200, metavar="N", help="state for --resume every N steps")
    g.add_argument("--max-tokens", type=int, default=128)
    g.add_argument("--resume", action="store_true", help="go on with a run that was killed")
    g.add_argument("--device", default="cpu")


class Run:
    """A run's folder OUT.train: log.jsonl, and state.pt once there is something to resume. It goes away when the
    checkpoint has been written."""

    def __init__(self, args):
        self.args, self.folder = args, args.out.rstrip("/") + ".train"
        self.state_path, self.log_path, self.key_path = (os.path.join(self.folder, name)
                                                         for name in ("state.pt", "log.jsonl", "key"))
        kept = {k: v for k, v in vars(args).items() if k not in ("resume", "save", "tern")}
        self.key = hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()
        if os.path.exists(args.out):
            fail(f"{args.out}: exists already; remove it, or choose another name")
        if os.path.exists(self.folder):
            self.check_resumed()
        torch.manual_seed(args.seed)
        random.seed(args.seed)
        torch.set_num_threads(args.threads)
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False
        if args.bf16 and args.device == "cpu":
            warn_of_slow_bf16()
        self.state = None
        if os.path.exists(self.state_path):
            self.state = torch.load(self.state_path, weights_only=True)

    def check_resumed(self):
        if not self.args.resume:
            fail(f"{self.folder}: is of a run that was not finished; go on with --resume, or remove it")
        try:
            with open(self.key_path, encoding="utf-8") as f:
                key = f.read()
        except OSError:
            fail(f"{self.folder}: has no file key, by which a run is known again; remove it")
        if key != self.key:
            fail(f"{self.folder}: the run to resume had other options than these; give the same ones")

    def begin(self):
        """Makes the folder, when all options have been found good; what was logged after the state goes away."""
        if not os.path.exists(self.folder):
            temporary = self.folder + ".part"
            shutil.rmtree(temporary, ignore_errors=True)
            os.makedirs(temporary)
            with open(os.path.join(temporary, "key"), "w", encoding="utf-8") as f:
                f.write(self.key)
            os.rename(temporary, self.folder)
        with open(self.log_path, "a+b") as f:
            f.truncate(self.state["log"] if self.state else 0)

    def log(self, **line):
        with open(self.log_path, "a", encoding="utf-8") as f:
            f.write(json.dumps(line) + "\n")

    def lines(self):
        with open(self.log_path, encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def save(self, **state):
        state.update(log=os.path.getsize(self.log_path), rng=torch.get_rng_state())
        with open(self.state_path + ".part", "wb") as f:
            torch.save(state, f)
            f.flush()
            os.fsync(f.fileno())
        os.replace(self.state_path + ".part", self.state_path)

    def remembered(self, name, make):
        """What is found once, before the first step, and must be the same when the run goes on: JSON."""
        self.begin()
        path = os.path.join(self.folder, name)
        if not (self.args.resume and os.path.exists(path)):
            with open(path + ".part", "w", encoding="utf-8") as f:
                json.dump(make(), f)
            os.replace(path + ".part", path)
        with open(path, encoding="utf-8") as f:
            return json.load(f)

    def answers(self, count, make):
        """A teacher's answers to `count` texts, computed once: a tensor that stays with the run."""
        self.begin()
        path = os.path.join(self.folder, "answers.pt")
        if not (self.args.resume and os.path.exists(path)):
            print(f"the teacher answers {count} texts", file=sys.stderr, flush=True)
            torch.save(make(), path + ".part")
            os.replace(path + ".part", path)
        return torch.load(path, weights_only=True)

    def files(self):
        """The log and its plot, for the checkpoint's folder."""
        with open(self.log_path, "rb") as f:
            return {"train.jsonl": f.read(), "train.svg": plot(self.lines())}

    def finish(self):
        shutil.rmtree(self.folder)


def warn_of_slow_bf16():
    """PyTorch multiplies bf16 on any CPU; one that lacks the instructions takes many times as long as with f32."""
    def seconds(dtype):
        a, b = torch.ones(512, 256, dtype=dtype), torch.ones(256, 1024, dtype=dtype)
        best = float("inf")
        for _ in range(8):
            start = time.perf_counter()
            a @ b
            best = min(best, time.perf_counter() - start)
        return best
    ratio = seconds(torch.bfloat16) / seconds(torch.float32)
    if ratio > 1.5:
        print(f"this CPU takes {ratio:.0f} times as long for products in bf16 as in f32: leave --bf16 out "
              "(PRODUCTS=f32 for the scripts)", file=sys.stderr, flush=True)


def plot(lines):
    """Losses and validation as SVG, the same bytes for the same log; a line of text where matplotlib is not there."""
    try:
        import io
        import matplotlib
        matplotlib.use("svg")
        matplotlib.rcParams["svg.hashsalt"] = "tern"
        from matplotlib import pyplot
    except ImportError:
        return "<svg xmlns='http://www.w3.org/2000/svg'><text y='20'>matplotlib is not installed</text></svg>\n"
    figure, axes = pyplot.subplots(figsize=(7, 4))
    names = [k for k in (lines[0] if lines else {}) if k not in ("step", "lr") and "validation" not in lines[0]]
    for name in names:
        points = [(x["step"], x[name]) for x in lines if name in x]
        axes.plot(*zip(*points), label=name, linewidth=1)
    axes.set(xlabel="step", ylabel="loss", yscale="log" if names else "linear")
    other = axes.twinx()
    seen = [x for x in lines if "validation" in x]
    for name in (seen[0]["validation"] if seen else {}):
        other.plot([x["step"] for x in seen], [x["validation"][name] for x in seen], "k.--", label=name)
    other.set_ylabel(", ".join(seen[0]["validation"]) if seen else "")
    if names:
        axes.legend(loc="upper left", fontsize="small")
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return out.getvalue()


def optimizer_of(model, args):
    """No decay for biases and norms."""
    decay = [p for p in model.parameters() if p.requires_grad and p.dim() > 1]
    rest = [p for p in model.parameters() if p.requires_grad and p.dim() <= 1]
    groups = [{"params": decay, "weight_decay": args.weight_decay}, {"params": rest, "weight_decay": 0}]
    return torch.optim.AdamW(groups, lr=args.lr, fused=True)


def rate(step, steps, warmup):
    """Of the learning rate: rises to 1, then falls to 0."""
    rise = max(1, int(steps * warmup))
    return (step + 1) / rise if step < rise else max(0.0, (steps - step) / max(1, steps - rise))


class Progress:
    def __init__(self, first, steps, batch):
        self.first, self.steps, self.batch, self.start, self.shown = first, steps, batch, time.monotonic(), 0

    def show(self, done, loss):
        now = time.monotonic()
        if now - self.shown < (0.5 if sys.stderr.isatty() else 15) and done != self.steps:
            return
        self.shown = now
        each = (now - self.start) / max(1, done - self.first)
        left = int(each * (self.steps - done))
        print(f"step {done}/{self.steps}  loss {loss:.4f}  {self.batch / max(each, 1e-9):.0f} texts/s  "
              f"{left // 60}:{left % 60:02d} left ", end="\r" if sys.stderr.isatty() and done != self.steps else "\n",
              file=sys.stderr, flush=True)


def train(run, model, batches, losses_of, validate=None, every=10, masks=None):
    """Trains `model`. losses_of(step, arguments, targets) gives the losses of a batch by name, weighed already;
    validate() figures by name. Every `every` steps their means since then go into the log. `masks` (blocks.py) see
    the gradients of each step and what came of it."""
    args = run.args
    run.begin()
    optimizer = optimizer_of(model, args)
    first, sums = 0, {}
    if run.state:
        model.load_state_dict(run.state["model"])
        optimizer.load_state_dict(run.state["optimizer"])
        torch.set_rng_state(run.state["rng"])
        first, sums = run.state["step"], run.state["sums"]
        print(f"going on at step {first}", file=sys.stderr)
    progress = Progress(first, args.steps, args.batch)
    model.train()
    for step in range(first, args.steps):
        for group in optimizer.param_groups:
            group["lr"] = args.lr * rate(step, args.steps, args.warmup)
        arguments, targets = batches.at(step)
        arguments = {k: v.to(args.device) for k, v in arguments.items()}
        targets = targets.to(args.device) if targets is not None else None
        with torch.autocast(args.device.split(":")[0], torch.bfloat16, enabled=args.bf16):
            losses = losses_of(step, arguments, targets)
        loss = sum(losses.values())
        if not torch.isfinite(loss):
            fail(f"the loss is not finite at step {step}; take a smaller --lr")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if masks:
            masks.before(step)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if masks:
            masks.after(step)
        for name, value in [("loss", loss)] + list(losses.items()):
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        done = step + 1
        progress.show(done, float(loss.detach()))
        if done % every == 0 or done == args.steps:
            n = (done - 1) % every + 1
            run.log(step=done, lr=optimizer.param_groups[0]["lr"], **{k: v / n for k, v in sums.items()})
            sums = {}
        if validate and (done % args.validate == 0 or done == args.steps):
            model.eval()
            with torch.no_grad():
                figures = validate()
            model.train()
            run.log(step=done, validation=figures)
            print("  ".join(f"{k} {v:.4f}" for k, v in figures.items()), f"at step {done}", file=sys.stderr, flush=True)
        if done % args.save == 0 and done < args.steps:
            run.save(model=model.state_dict(), optimizer=optimizer.state_dict(), step=done, sums=sums)
    model.eval()
