// Training programs from outside, on a model small enough to train in microseconds.
#include <cmath>
#include <csignal>
#include <doctest/doctest.h>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/resource.h>

#include "autograd/ops.hpp"
#include "models/program/environment.hpp"
#include "models/program/program.hpp"
#include "nn/files.hpp"
#include "nn/linear.hpp"
#include "tests/temporary_folder.hpp"

using namespace nabla;
using namespace nabla::models;
using Json = nlohmann::json;

namespace {

// Noisy descent with momentum towards 1: state in weights, "optimiser" and generator.
struct Toy {
  explicit Toy(Rng& rng) : w(parameter(rng.normal({3, 2}))) {}

  double step(Rng& rng, double lr) {
    const Array noise = rng.normal(w.shape());
    Array& m = momentum["m"];
    if (m.shape() != w.shape()) m = zeros(w.shape());
    Array& value = w.mutable_value();
    double loss = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const Real error = value.data()[i] - 1;
      m.data()[i] = Real(0.9) * m.data()[i] + error + Real(0.1) * noise.data()[i];
      value.data()[i] -= static_cast<Real>(lr) * m.data()[i];
      loss += error * error;
    }
    return loss;
  }

  nn::NamedArrays state() const { return momentum; }
  void load(const nn::NamedArrays& saved) { momentum = saved; }

  Tensor w;
  nn::NamedArrays momentum;
};

struct Outcome {
  int status;
  std::string out, err;
};

// What happens on the way, and what the test wants to know afterwards.
struct Script {
  std::function<void(Run&, int step)> at_step = [](Run&, int) {};
  std::function<double(std::size_t epoch)> score;  // of the validation; none if empty
  Array weights;                                   // at the end
  std::size_t epochs_trained = 0;
  std::string kept = "momentum";
};

void train(Run& run, Script& script, std::size_t width) {
  Rng rng(run.seed());
  Toy toy(rng);
  run.model({{"w", toy.w}});
  run.keep(script.kept, toy);
  run.keep("rng", rng);
  while (run.next_epoch()) {
    for (int i = 0; i < 5; ++i) {
      const double loss = toy.step(rng, run.lr()) * static_cast<double>(width);
      script.at_step(run, i);
      run.step(loss, 10);
    }
    ++script.epochs_trained;
    Figures figures = {{"train_loss_nats", run.mean_loss()}};
    if (script.score) figures.emplace_back("valid_score", script.score(run.epoch()));
    run.snapshot([&] { return toy.w.value(); });
    run.end_epoch(figures, script.score ? maximise("valid_score") : Criterion{});
  }
  CHECK(run.use_best() == (script.score && run.epoch() > 0));
  script.weights = toy.w.value();
  run.image("samples.png", toy.w.value(), "the weights");
  run.finish(
      {{"test_loss_nats", 0.25}, {"test_unbounded", -std::numeric_limits<double>::infinity()}});
}

Outcome call(const std::vector<std::string>& words, Script& script) {
  std::vector<const char*> argv = {"train_toy"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  std::ostringstream out, err;
  std::streambuf* const cout_before = std::cout.rdbuf(out.rdbuf());
  std::streambuf* const cerr_before = std::cerr.rdbuf(err.rdbuf());
  Program program("toy", "A toy (nobody, never)");
  program.options().lr = 0.01;
  program.options().epochs = 3;
  std::size_t width = 1;
  std::string kind = "round";
  bool dynamic = false;
  std::vector<std::size_t> hidden = {4, 5};
  double beta = 1;
  program.table().add("--width", width, "W", at_least(1));
  program.table().add("--kind", kind, "its kind", {"round", "square"});
  program.table().add("--dynamic", dynamic, "a switch");
  program.table().add("--hidden", hidden, "sizes", at_least(1));
  program.table().add("--beta", beta, "β", between(0, 1));
  const int status = program.run(static_cast<int>(argv.size()), argv.data(),
                                 [&](Run& run) { train(run, script, width); });
  std::cout.rdbuf(cout_before);
  std::cerr.rdbuf(cerr_before);
  return {status, out.str(), err.str()};
}

Outcome call(const std::vector<std::string>& words) {
  Script script;
  return call(words, script);
}

std::vector<Json> lines_of(const std::string& path) {
  std::vector<Json> lines;
  std::istringstream text(nn::read_file(path));
  for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
  return lines;
}

// Everything in a checkpoint but the times.
nn::TensorFile state_of(const std::string& folder) {
  nn::TensorFile file = nn::read_tensors(folder + "/checkpoint.safetensors");
  Json run = Json::parse(file.metadata.at("run"));
  run.erase("training_seconds");
  for (Json& line : run["metrics"]) {
    line.erase("seconds");
    line.erase("examples_per_second");
  }
  file.metadata["run"] = run.dump();
  return file;
}

bool same(const nn::TensorFile& a, const nn::TensorFile& b) {
  return a.metadata == b.metadata && a.tensors == b.tensors;
}

bool exists(const std::string& path) {
  return std::filesystem::exists(path);
}

}  // namespace

TEST_CASE("a run leaves its whole folder, and its figures on standard output") {
  const TemporaryFolder folder;
  const std::string out = folder / "deep/run";
  const Outcome outcome = call({"--out", out, "--seed", "7", "--hidden", "8,9", "--threads", "1"});
  CHECK(outcome.status == 0);
  CHECK(outcome.out == "test_loss_nats 0.25\ntest_unbounded -inf\n");
  CHECK(outcome.err.find("epoch 3/3  train_loss_nats ") != std::string::npos);

  const Json options = Json::parse(nn::read_file(out + "/options.json"));
  CHECK(options["model"] == "toy");
  CHECK(options["seed"] == 7);
  CHECK(options["lr"] == 0.01);
  CHECK(options["hidden"] == Json({8, 9}));
  CHECK(options["dynamic"] == false);
  CHECK(options["kind"] == "round");
  CHECK_FALSE(options.contains("quiet"));

  const std::vector<Json> metrics = lines_of(out + "/metrics.jsonl");
  REQUIRE(metrics.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(metrics[i]["epoch"] == i + 1);
    CHECK(metrics[i]["train_loss_nats"].get<double>() > 0);
    CHECK(metrics[i]["seconds"].get<double>() >= 0);
    CHECK(metrics[i]["examples_per_second"].get<double>() > 0);
  }

  const Json summary = Json::parse(nn::read_file(out + "/summary.json"));
  CHECK(summary["test_loss_nats"] == 0.25);
  CHECK(summary["test_unbounded"].is_null());
  CHECK(summary["epochs"] == 3);
  CHECK(summary["parameters"] == 6);
  CHECK(summary["seed"] == 7);
  CHECK(summary["threads"] == 1);
  CHECK(summary["training_seconds"].get<double>() > 0);
  CHECK(summary["command"] == "train_toy --out " + out + " --seed 7 --hidden 8,9 --threads 1");
  CHECK(summary["git_commit"] == environment().commit);
  CHECK(summary["processor"].get<std::string>() != "");
  CHECK(summary["options"]["hidden"] == Json({8, 9}));
  CHECK_FALSE(summary.contains("best_epoch"));  // nothing said what is best

  CHECK(nn::read_tensors(out + "/model.safetensors").tensors.count("w") == 1);
  CHECK(nn::read_file(out + "/samples.png").compare(1, 3, "PNG") == 0);
  CHECK(exists(out + "/samples/epoch-00001.png"));
  CHECK(exists(out + "/samples/epoch-00002.png"));
  CHECK_FALSE(exists(out + "/samples/epoch-00003.png"));
  const std::string report = nn::read_file(out + "/report.html");
  CHECK(report.find("finished") != std::string::npos);
  CHECK(report.find("the weights") != std::string::npos);
  CHECK(report.find("epoch 2</figcaption>") != std::string::npos);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(out)) {
    CHECK(entry.path().extension() != ".tmp");
  }

  const Outcome quiet = call({"--out", folder / "quiet", "--quiet"});
  CHECK(quiet.out == outcome.out);
  CHECK(quiet.err == "");
}

TEST_CASE("a resumed run is the uninterrupted one, bit for bit") {
  const TemporaryFolder folder;
  const auto score = [](std::size_t epoch) {
    return epoch == 4 ? 10 : -1.0 / static_cast<double>(epoch);
  };
  Script whole, first, second;
  whole.score = first.score = second.score = score;
  CHECK(call({"--out", folder / "whole", "--epochs", "9"}, whole).status == 0);
  CHECK(call({"--out", folder / "parts", "--epochs", "5"}, first).status == 0);
  const Outcome outcome = call({"--resume", folder / "parts", "--epochs", "9"}, second);
  CHECK(outcome.status == 0);
  CHECK(first.epochs_trained == 5);
  CHECK(second.epochs_trained == 4);
  CHECK(same(state_of(folder / "whole"), state_of(folder / "parts")));
  CHECK(whole.weights == second.weights);  // those of epoch 4
  CHECK(nn::read_file(folder / "whole/model.safetensors") ==
        nn::read_file(folder / "parts/model.safetensors"));
  CHECK(lines_of(folder / "parts/metrics.jsonl").size() == 9);
  CHECK(Json::parse(nn::read_file(folder / "parts/options.json"))["epochs"] == 9);
  CHECK(Json::parse(nn::read_file(folder / "parts/summary.json"))["best_epoch"] == 4);

  // No epoch left: evaluates the same weights again, and forgets nothing.
  Script third;
  third.score = score;
  CHECK(call({"--resume", folder / "parts", "--epochs", "0"}, third).status == 0);
  CHECK(third.epochs_trained == 0);
  CHECK(third.weights == whole.weights);
  CHECK(Json::parse(nn::read_file(folder / "parts/options.json"))["epochs"] == 9);
  CHECK(same(state_of(folder / "whole"), state_of(folder / "parts")));
  CHECK(call({"--resume", folder / "parts"}, third).status == 0);
  CHECK(third.epochs_trained == 0);
}

TEST_CASE("layers, Adam and averages of weights go on bit for bit") {
  const TemporaryFolder folder;
  Array result;
  const auto train_linear = [&](std::vector<const char*> argv) {
    argv.insert(argv.begin(), "train_line");
    argv.push_back("--quiet");
    std::ostringstream out;
    std::streambuf* const before = std::cout.rdbuf(out.rdbuf());
    const int status =
        Program("line", "A line").run(static_cast<int>(argv.size()), argv.data(), [&](Run& run) {
          Rng rng(run.seed());
          nn::Linear model(3, 2, rng);
          nn::AdamOptions options;
          options.lr = run.lr();
          nn::Adam optimizer(model.parameters(), options);
          nn::EMA average(model.parameters());
          run.model(model, {});
          run.keep("rng", rng);
          run.keep("optimizer", optimizer);
          run.keep("average", average);
          while (run.next_epoch()) {
            for (int i = 0; i < 3; ++i) {
              const Tensor x(rng.normal({4, 3}));
              const Tensor loss = mean(square(model(x) - Real(1)));
              model.clear_grad();
              loss.backward();
              optimizer.step();
              average.update();
              run.step(static_cast<double>(loss.item()), 4);
            }
            optimizer.set_lr(run.lr() / static_cast<double>(run.epoch()));
            // Best in the second of four epochs.
            run.end_epoch({{"valid_score", run.epoch() == 2 ? 0 : 1}}, minimise("valid_score"));
          }
          run.use_best();
          const nn::EMA::Average averaged = average.average();
          result = model.parameters()[0].value();
          run.finish({});
        });
    std::cout.rdbuf(before);
    return status;
  };
  const std::string whole = folder / "whole", parts = folder / "parts";
  CHECK(train_linear({"--out", whole.c_str(), "--epochs", "4"}) == 0);
  const Array expected = result;
  for (const char* const epochs : {"1", "2", "3"}) {
    const bool first = epochs[0] == '1';
    CHECK(train_linear({first ? "--out" : "--resume", parts.c_str(), "--epochs", epochs}) == 0);
  }
  CHECK(train_linear({"--resume", parts.c_str(), "--epochs", "4"}) == 0);
  CHECK(result == expected);
  CHECK(same(state_of(whole), state_of(parts)));
  CHECK(nn::read_file(whole + "/model.safetensors") == nn::read_file(parts + "/model.safetensors"));

  nn::TensorFile file = nn::read_tensors(parts + "/checkpoint.safetensors");
  CHECK(file.tensors.count("optimizer/steps") == 1);
  file.tensors.erase("optimizer/steps");
  nn::write_tensors(parts + "/checkpoint.safetensors", file);
  std::ostringstream err;
  std::streambuf* const before = std::cerr.rdbuf(err.rdbuf());
  CHECK(train_linear({"--resume", parts.c_str()}) == 1);
  std::cerr.rdbuf(before);
  CHECK(err.str() == "train_line: error: " + parts +
                         "/checkpoint.safetensors: there is no \"steps\" "
                         "of 1 whole numbers in what \"optimizer\" was saved as\n");
}

TEST_CASE("Ctrl-C keeps the last whole epoch, and going on gives the same bits") {
  const TemporaryFolder folder;
  Script whole, cut;
  whole.score = cut.score = [](std::size_t epoch) { return 1.0 / epoch; };
  CHECK(call({"--out", folder / "whole", "--epochs", "6"}, whole).status == 0);
  for (const int signal : {SIGINT, SIGTERM}) {
    for (const std::size_t epoch : {std::size_t{1}, std::size_t{4}}) {
      const std::string out = folder / ("cut" + std::to_string(signal) + std::to_string(epoch));
      cut.at_step = [&](Run& run, int step) {
        if (run.epoch() == epoch && step == 2) std::raise(signal);
      };
      const Outcome outcome = call({"--out", out, "--epochs", "6"}, cut);
      CHECK(outcome.status == 130);
      const std::string expected = "train_toy: stopped in epoch " + std::to_string(epoch) +
                                   ", of which 3 steps are lost; the state after epoch " +
                                   std::to_string(epoch - 1) + " is kept, go on with --resume " +
                                   out + "\n";
      CHECK(outcome.err.substr(outcome.err.size() -
                               std::min(outcome.err.size(), expected.size())) == expected);
      CHECK_FALSE(exists(out + "/summary.json"));
      CHECK(lines_of(out + "/metrics.jsonl").size() == static_cast<std::size_t>(epoch - 1));
      Script rest;
      rest.score = whole.score;
      CHECK(call({"--resume", out}, rest).status == 0);  // with the 6 epochs of options.json
      CHECK(rest.epochs_trained == 6 - (epoch - 1));
      CHECK(same(state_of(folder / "whole"), state_of(out)));
      CHECK(rest.weights == whole.weights);
    }
  }
}

TEST_CASE("a crash after the checkpoint leaves no line of metrics twice") {
  const TemporaryFolder folder;
  const std::string out = folder / "run";
  CHECK(call({"--out", out, "--epochs", "2"}).status == 0);
  nn::append_file(out + "/metrics.jsonl", "{\"epoch\": 3}\n{\"epo");
  CHECK(call({"--resume", out, "--epochs", "4"}).status == 0);
  const std::vector<Json> metrics = lines_of(out + "/metrics.jsonl");
  REQUIRE(metrics.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) CHECK(metrics[i]["epoch"] == i + 1);
}

TEST_CASE("a resumed run refuses options that contradict it, with both values") {
  const TemporaryFolder folder;
  const std::string out = folder / "run";
  CHECK(call({"--out", out, "--width", "2", "--kind", "square", "--beta", "0.5"}).status == 0);
  const std::string before = nn::read_file(out + "/options.json");
  const auto refusal = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"--resume", out};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = call(words);
    CHECK(outcome.status == 2);
    CHECK(outcome.out == "");
    return outcome.err;
  };
  const auto message = [&](const std::string& asked, const std::string& recorded) {
    return "train_toy: error: " + asked + " contradicts " + out + "/options.json, where it is " +
           recorded + "; leave it out to go on with that run\n";
  };
  CHECK(refusal({"--width", "3"}) == message("--width 3", "2"));
  CHECK(refusal({"--lr", "0.1"}) == message("--lr 0.1", "0.01"));
  CHECK(refusal({"--kind", "round"}) == message("--kind round", "square"));
  CHECK(refusal({"--hidden", "4"}) == message("--hidden 4", "4,5"));
  CHECK(refusal({"--dynamic"}) == message("--dynamic", "false"));
  CHECK(refusal({"--seed", "2"}) == message("--seed 2", "1"));
  CHECK(refusal({"--data", "mnist"}) == message("--data mnist", "fashion-mnist"));
  CHECK(refusal({"--out", folder / "other"}) == "train_toy: error: --out " + (folder / "other") +
                                                    " contradicts --resume " + out +
                                                    ": a resumed run keeps its folder\n");
  CHECK(refusal({"--overwrite"}) == "train_toy: error: --overwrite contradicts --resume\n");
  CHECK(nn::read_file(out + "/options.json") == before);
  // Saying the same again, and what only says where and how, is fine.
  CHECK(call({"--resume", out, "--out", out, "--width", "2", "--beta", "5e-1", "--lr", "1e-2",
              "--quiet", "--data-dir", "/elsewhere", "--check-finite"})
            .status == 0);

  CHECK(call({"--resume", folder / "none"}).err ==
        "train_toy: error: --resume " + (folder / "none") + ": cannot read " + (folder / "none") +
            "/options.json: No such file or directory\n");
  folder.write("run/options.json", "{\"model\": \"vae\"}");
  CHECK(refusal({}) == "train_toy: error: --resume " + out + ": not a run of train_toy\n");
}

TEST_CASE("a checkpoint that does not fit the program is refused by name") {
  const TemporaryFolder folder;
  const std::string out = folder / "run", path = out + "/checkpoint.safetensors";
  CHECK(call({"--out", out}).status == 0);
  Script other;
  other.kept = "velocity";
  Outcome outcome = call({"--resume", out, "--epochs", "5"}, other);
  CHECK(outcome.status == 1);
  CHECK(outcome.err == "train_toy: error: " + path +
                           ": tensor \"momentum/m\" belongs to nothing that this program keeps\n");
  nn::TensorFile file = nn::read_tensors(path);
  file.tensors["weights/w"] = Array{1};
  nn::write_tensors(path, file);
  outcome = call({"--resume", out});
  CHECK(outcome.status == 1);
  CHECK(outcome.err ==
        "train_toy: error: " + path + ": weights: \"w\" has shape (1,), expected (3, 2)\n");
  folder.write("run/checkpoint.safetensors", "rubbish");
  outcome = call({"--resume", out});
  CHECK(outcome.status == 1);
  CHECK(outcome.err ==
        "train_toy: error: " + path +
            ": not a safetensors file: 7 bytes, too short for the length of a header\n");
}

TEST_CASE("--epochs 0 evaluates an untrained model, which can be trained later") {
  const TemporaryFolder folder;
  Script none, rest, whole;
  const Outcome outcome = call({"--out", folder / "run", "--epochs", "0"}, none);
  CHECK(outcome.status == 0);
  CHECK(none.epochs_trained == 0);
  CHECK(outcome.out == "test_loss_nats 0.25\ntest_unbounded -inf\n");
  CHECK(nn::read_file(folder / "run/metrics.jsonl") == "");
  CHECK(Json::parse(nn::read_file(folder / "run/summary.json"))["epochs"] == 0);
  CHECK(exists(folder / "run/samples.png"));
  CHECK(call({"--resume", folder / "run", "--epochs", "2"}, rest).status == 0);
  CHECK(call({"--out", folder / "whole", "--epochs", "2"}, whole).status == 0);
  CHECK(rest.weights == whole.weights);
}

TEST_CASE("early stopping ends with the best epoch and stays stopped") {
  const TemporaryFolder folder;
  const std::string out = folder / "run";
  Script script, best, again;
  script.score =
      again.score = [](std::size_t epoch) { return -std::abs(static_cast<double>(epoch) - 4.0); };
  const Outcome outcome = call({"--out", out, "--epochs", "50", "--patience", "3"}, script);
  CHECK(outcome.status == 0);
  CHECK(script.epochs_trained == 7);
  CHECK(outcome.err.find("stopped early: valid_score is no better since epoch 4\n") !=
        std::string::npos);
  CHECK(outcome.err.find("weights of epoch 4, valid_score 0\n") != std::string::npos);
  const Json summary = Json::parse(nn::read_file(out + "/summary.json"));
  CHECK(summary["epochs"] == 7);
  CHECK(summary["best_epoch"] == 4);
  CHECK(summary["best_valid_score"] == 0);
  CHECK(call({"--out", folder / "best", "--epochs", "4"}, best).status == 0);
  CHECK(script.weights == best.weights);
  CHECK(call({"--resume", out}, again).status == 0);
  CHECK(again.epochs_trained == 0);
  CHECK(again.weights == best.weights);
}

TEST_CASE("a loss or criterion that is not a number stops the run, and what was good is kept") {
  const TemporaryFolder folder;
  const std::string out = folder / "run";
  Script script;
  script.at_step = [](Run& run, int step) {
    if (run.epoch() == 3 && step == 1) run.step(std::nan(""), 10);
  };
  const Outcome outcome = call({"--out", out, "--epochs", "5"}, script);
  CHECK(outcome.status == 1);
  const std::string expected =
      "train_toy: error: the loss is nan in epoch 3, step 2; try a smaller --lr, or --check-finite "
      "to find the operation; the state after epoch 2 is in " +
      out + "/checkpoint.safetensors\n";
  CHECK(outcome.err.find(expected) != std::string::npos);
  CHECK(Json::parse(state_of(out).metadata.at("run"))["epoch"] == 2);

  Script bad;
  bad.score = [](std::size_t epoch) { return epoch == 2 ? std::nan("") : 1; };
  const Outcome scored = call({"--out", folder / "bad", "--quiet"}, bad);
  CHECK(scored.status == 1);
  CHECK(scored.err ==
        "train_toy: error: valid_score is nan after epoch 2; the state before that "
        "epoch is in " +
            (folder / "bad/checkpoint.safetensors") + "\n");
}

TEST_CASE("wrong usage is status 2 and one line") {
  const TemporaryFolder folder;
  const auto refusal = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--out", folder / "never"});
    const Outcome outcome = call(words);
    CHECK(outcome.status == 2);
    CHECK(outcome.out == "");
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
    const std::string start = "train_toy: error: ";
    REQUIRE(outcome.err.compare(0, start.size(), start) == 0);
    return outcome.err.substr(start.size(), outcome.err.size() - start.size() - 1);
  };
  CHECK(refusal({"--epochs", "-1"}) == "--epochs: expected a whole number of at least 0, got '-1'");
  CHECK(refusal({"--epochs", "1.5"}) ==
        "--epochs: expected a whole number of at least 0, got '1.5'");
  CHECK(refusal({"--epochs", "99999999999"}) ==
        "--epochs: expected a whole number of at least 0, got '99999999999'");
  CHECK(refusal({"--batch-size", "0"}) ==
        "--batch-size: expected a whole number of at least 1, got '0'");
  CHECK(refusal({"--lr", "0"}) == "--lr: expected a number above 0, got '0'");
  CHECK(refusal({"--lr", "nan"}) == "--lr: expected a number above 0, got 'nan'");
  CHECK(refusal({"--lr", "1x"}) == "--lr: expected a number above 0, got '1x'");
  CHECK(refusal({"--beta", "2"}) == "--beta: expected a number from 0 to 1, got '2'");
  CHECK(refusal({"--seed", "-1"}) == "--seed: expected a whole number of at least 0, got '-1'");
  CHECK(refusal({"--kind", "oval"}) == "--kind: expected one of round, square, got 'oval'");
  CHECK(refusal({"--hidden", "4,,5"}) ==
        "--hidden: expected whole numbers of at least 1 with commas between, got '4,,5'");
  CHECK(refusal({"--nonsense"}).find("--nonsense") != std::string::npos);
  CHECK(refusal({"word"}).find("word") != std::string::npos);
  CHECK(refusal({"--lr"}) == "--lr: its value is missing (see --help)");
  CHECK(refusal({"--lr", "1", "--lr", "2"}).find("--lr") != std::string::npos);
  CHECK_FALSE(exists(folder / "never"));

  for (const char* const flag : {"--help", "-h"}) {
    const Outcome help = call({flag});
    CHECK(help.status == 0);
    CHECK(help.err == "");
    for (const char* const word :
         {"--width", "--data-dir", "--resume", "--patience", "130", "A toy"}) {
      CHECK(help.out.find(word) != std::string::npos);
    }
  }
  const Outcome version = call({"--version"});
  CHECK(version.status == 0);
  CHECK(version.out.find(environment().commit) != std::string::npos);
}

TEST_CASE("an earlier run is never lost silently") {
  const TemporaryFolder folder;
  const std::string out = folder / "run";
  CHECK(call({"--out", out, "--seed", "1"}).status == 0);
  const std::string model = nn::read_file(out + "/model.safetensors");
  const Outcome refused = call({"--out", out, "--seed", "2"});
  CHECK(refused.status == 2);
  CHECK(refused.err == "train_toy: error: --out " + out +
                           " already holds a run; go on with it by "
                           "--resume " +
                           out + ", or name another folder, or give --overwrite\n");
  CHECK(nn::read_file(out + "/model.safetensors") == model);
  CHECK(call({"--out", out, "--seed", "2", "--overwrite"}).status == 0);
  CHECK(nn::read_file(out + "/model.safetensors") != model);
  // What the run did not write stays, also beside its own and in folders called like them.
  for (const char* const path : {"run/samples/mine.png", "run/evaluation/mine.txt",
                                 "run/other/summary.json", "run/notes.txt"}) {
    folder.write(path, "mine");
  }
  CHECK(call({"--out", out, "--seed", "1", "--overwrite"}).status == 0);
  for (const char* const path : {"run/samples/mine.png", "run/evaluation/mine.txt",
                                 "run/other/summary.json", "run/notes.txt"}) {
    CHECK(nn::read_file(folder / path) == "mine");
  }
  // A folder with other things in it is no run.
  folder.write("mine/notes.txt", "notes");
  CHECK(call({"--out", folder / "mine"}).status == 0);
  CHECK(nn::read_file(folder / "mine/notes.txt") == "notes");

  const std::filesystem::path here = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  ::unsetenv("NABLA_RUNS");
  CHECK(call({}).status == 0);
  const Outcome second = call({});
  CHECK(call({}).status == 0);
  ::setenv("NABLA_RUNS", (folder / "elsewhere").c_str(), 1);
  CHECK(call({}).status == 0);
  ::unsetenv("NABLA_RUNS");
  std::filesystem::current_path(here);
  CHECK(exists(folder / "elsewhere/toy/summary.json"));
  CHECK(second.status == 0);
  CHECK(second.err.find("train_toy: an earlier run is kept, this one goes to runs/toy-2\n") == 0);
  CHECK(exists(folder / "runs/toy/summary.json"));
  CHECK(exists(folder / "runs/toy-2/summary.json"));
  CHECK(exists(folder / "runs/toy-3/summary.json"));
}

TEST_CASE("two programs do not write into one folder") {
  const TemporaryFolder folder;
  const std::string out = folder / "run";
  Script script;
  Outcome inner{0, "", ""};
  script.at_step = [&](Run& run, int step) {
    if (run.epoch() == 2 && step == 0) inner = call({"--resume", out});
  };
  CHECK(call({"--out", out}, script).status == 0);
  CHECK(inner.status == 1);
  CHECK(inner.err == "train_toy: error: " + out + " is in use by another program\n");
}

TEST_CASE("a folder that cannot be written, and a full disk, are one line") {
  const TemporaryFolder folder;
  const std::string file = folder.write("file", "");
  const Outcome outcome = call({"--out", file + "/below"});
  CHECK(outcome.status == 1);
  CHECK(outcome.err ==
        "train_toy: error: cannot create folder " + file +
            "/below: Not a directory; choose another with --out DIR or NABLA_RUNS=DIR\n");

  // The limit on the size of files stands in for the full disk; the checkpoint is the first to hit
  // it once its metrics have grown.
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const std::string out = folder / "run";
  Script script;
  script.at_step = [&](Run& run, int step) {
    const rlimit small{1, before.rlim_max};
    if (run.epoch() == 3 && step == 0) setrlimit(RLIMIT_FSIZE, &small);
  };
  const Outcome full = call({"--out", out, "--quiet"}, script);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  CHECK(full.status == 1);
  CHECK(std::count(full.err.begin(), full.err.end(), '\n') == 1);
  CHECK(full.err.find("train_toy: error: cannot write " + out + "/") == 0);
  CHECK(full.err.find("File too large") != std::string::npos);
  Script rest, whole;
  CHECK(call({"--resume", out}, rest).status == 0);  // from the last state that was written
  CHECK(call({"--out", folder / "whole"}, whole).status == 0);
  CHECK(rest.weights == whole.weights);
}

TEST_CASE("a program that fails before its first epoch leaves nothing behind") {
  const TemporaryFolder folder;
  const auto run = [&](const std::function<void(Run&)>& body) {
    const std::string out = folder / "run";
    const char* const argv[] = {"train_x", "--out", out.c_str()};
    std::ostringstream err;
    std::streambuf* const before = std::cerr.rdbuf(err.rdbuf());
    const int status = Program("x", "X").run(3, argv, body);
    std::cerr.rdbuf(before);
    CHECK_FALSE(exists(out));
    return std::to_string(status) + " " + err.str();
  };
  CHECK(run([](Run&) { throw std::runtime_error("data.csv: line 3:\nragged"); }) ==
        "1 train_x: error: data.csv: line 3: ragged\n");
  CHECK(run([](Run&) { throw UsageError("--data ring8 has no images"); }) ==
        "2 train_x: error: --data ring8 has no images\n");
  CHECK(run([](Run&) { throw std::bad_alloc(); }) == "1 train_x: error: out of memory\n");
  CHECK(run([](Run& r) {
          const Tensor w = parameter(zeros({1}));
          r.model({{"w", w}});
          r.next_epoch();
          throw UsageError("--batch-size 1: too small");
        }).find("2 ") == 0);
  CHECK(run([](Run& r) { r.next_epoch(); }) ==
        "1 train_x: error: model() before the loop: there are no weights\n");
  CHECK(run([](Run& r) {
          std::raise(SIGINT);
          r.evaluating("test", 0, 10);
        }) == "130 train_x: stopped\n");
}

TEST_CASE("batches and training sets as the options say") {
  CommonOptions options;
  CHECK(batch_size_for(options, 7) == 128);  // a program's default, or what was asked for
  options.batch_size = 0;
  CHECK(batch_size_for(options, 7) == 10);
  CHECK(batch_size_for(options, 5000) == 25);
  CHECK(batch_size_for(options, 50000) == 100);
}

// The example of run.hpp, whose text this is.
namespace example {

struct Options {
  std::size_t hidden = 5;
  void describe(OptionTable& table) { table.add("--hidden", hidden, "units", at_least(1)); }
};

Trained abilities(const nn::MLP& net) {
  Trained can;
  can.reconstruct = [net](const Array& x) { return net(Tensor(x)).value(); };
  return can;
}

void train(Run& run, Options& options) {
  const Data data = run.load(Wants::anything("the example"));
  Rng rng = run.rng();
  const nn::MLP net({data.columns, options.hidden, data.columns}, rng, "relu");
  nn::Adam adam(net.parameters(), {run.lr()});
  run.model(net, abilities(net));
  run.keep("adam", adam);  // what a checkpoint holds; when a run goes on,
  run.keep("rng", rng);    // each keep() puts back what was saved
  while (run.next_epoch()) {
    adam.set_lr(run.lr());
    for (const Batch& batch : run.batches(data)) {
      const auto loss = [&](const Batch& part) { return mean(square(net(part.x) - part.x)); };
      run.step(adam, batch, loss);
    }
    const auto error = [&](const Tensor& x, Means& means) {
      means.add("squared_error", sum(square(net(x) - x), {1}));
    };
    const Means valid = run.means("the validation set", data.valid, error);
    run.end_epoch(joined({{"train_loss", run.mean_loss()}}, valid.as("valid")),
                  minimise("valid_squared_error"));
  }
  run.use_best();  // weights of the best validation epoch
  run.show(data);  // samples, reconstructions, …: whatever abilities() gave
  run.finish({{"test_columns", data.columns}});
}

Trained open(const Saved& saved, const Options& options) {
  Rng rng(1);
  const std::size_t D = saved.data().columns;
  const nn::MLP net({D, options.hidden, D}, rng, "relu");
  saved.load(net);
  return abilities(net);
}

Outcome run(const Lesson& lesson, std::vector<std::string> words) {
  words.insert(words.begin(), "train_" + lesson.name);
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  std::ostringstream out, err;
  std::streambuf* const cout_before = std::cout.rdbuf(out.rdbuf());
  std::streambuf* const cerr_before = std::cerr.rdbuf(err.rdbuf());
  const int status = run_program(lesson, static_cast<int>(argv.size()), argv.data());
  std::cout.rdbuf(cout_before);
  std::cerr.rdbuf(cerr_before);
  return {status, out.str(), err.str()};
}

}  // namespace example

TEST_CASE("the example of run.hpp is what this file compiles") {
  const auto code_of = [](const std::string& file, const std::string& in_front) {
    const std::string text =
        nn::read_file(std::string(std::getenv("NABLA_SOURCE_DIR")) + "/" + file);
    const std::size_t from = text.find(in_front + "void train(Run& run, Options& options) {");
    const std::size_t to = text.find("\n" + in_front + "}\n", from);
    REQUIRE(to != std::string::npos);
    std::string code = text.substr(from, to - from);
    if (in_front.empty()) return code;
    std::string without;
    std::istringstream lines(code);
    for (std::string line; std::getline(lines, line);) {
      without +=
          (without.empty() ? "" : "\n") + line.substr(std::min(line.size(), in_front.size()));
    }
    return without;
  };
  CHECK(code_of("models/program/run.hpp", "//   ") == code_of("tests/test_run.cpp", ""));
}

TEST_CASE("a lesson trains, resumes, opens, and evaluates without touching what training left") {
  const TemporaryFolder folder;
  const Lesson lesson = models::lesson("example", "An example", example::train, example::open);
  const std::string out = folder / "run";
  const std::vector<std::string> small{"--data", "moons", "--train-size", "300", "--lr", "0.01"};
  const auto with = [&](std::vector<std::string> words) {
    words.insert(words.end(), small.begin(), small.end());
    return words;
  };
  CHECK(example::run(lesson, with({"--out", out, "--epochs", "2", "--hidden", "7"})).status == 0);
  const Json options = Json::parse(nn::read_file(out + "/options.json"));
  CHECK(options["format"] == 2);
  CHECK(options["data_shape"]["columns"] == 2);
  CHECK(options["data_shape"]["name"] == "moons");

  const Saved saved(out);
  CHECK(saved.model() == "example");
  const Array x = Rng(3).normal({9, 2});
  const Array y = lesson.open(saved).reconstruct(x);
  CHECK(y.shape() == x.shape());
  CHECK(lesson.open(saved).reconstruct(x) == y);

  const std::string summary = nn::read_file(out + "/summary.json");
  CHECK(example::run(lesson, {"--resume", out}).status == 0);
  CHECK(nn::read_file(out + "/summary.json") == summary);
  CHECK(exists(out + "/evaluation/summary.json"));
  CHECK(example::run(lesson, {"--resume", out, "--epochs", "4"}).status == 0);
  CHECK(Json::parse(nn::read_file(out + "/summary.json"))["epochs"] == 4);

  // Of an earlier nabla: refused with what to do, which helps.
  Json old = Json::parse(nn::read_file(out + "/options.json"));
  old.erase("format");
  old.erase("data_shape");
  folder.write("run/options.json", old.dump());
  const std::string refusal = out + "/options.json: written by an earlier nabla, it does not say " +
                              "what the data were; go on with ./nabla train example --resume " +
                              out + ", which adds it";
  CHECK_THROWS_WITH_AS(Saved{out}, refusal.c_str(), std::runtime_error);
  CHECK(example::run(lesson, {"--resume", out}).status == 0);
  CHECK(Saved(out).data().columns == 2);
  CHECK_THROWS_WITH_AS(
      Saved{folder / "none"},
      (folder / "none: holds no run, there is no " + (folder / "none/options.json")).c_str(),
      std::runtime_error);
}

TEST_CASE("--patience is refused where no figure decides") {
  const TemporaryFolder folder;
  Lesson lesson = models::lesson("example", "An example", example::train, example::open);
  lesson.decides = false;
  const Outcome outcome = example::run(lesson, {"--patience", "3", "--out", folder / "x"});
  CHECK(outcome.status == 2);
  CHECK(outcome.err ==
        "train_example: error: --patience 3: no figure of example says which epoch is best; it "
        "trains "
        "for --epochs\n");
}

TEST_CASE("schedules: by epoch, by step, constant") {
  const TemporaryFolder folder;
  for (const bool by_step : {false, true}) {
    std::vector<double> rates;
    struct None {
      void describe(OptionTable&) {}
    };
    static std::vector<double>* seen;
    seen = &rates;
    Lesson lesson = models::lesson<None>(
        "example", "An example",
        [](Run& run, None&) {
          const Data data = run.load(Wants::anything("the example"));
          const Tensor w = parameter(zeros({2}));
          nn::SGD sgd({w});
          run.model({{"w", w}});
          run.keep("sgd", sgd);
          while (run.next_epoch()) {
            for (const Batch& batch : run.batches(data)) {
              seen->push_back(run.rate());
              run.step(sgd, batch, [&](const Batch& part) { return mean(part.x * w); });
            }
            run.end_epoch({});
          }
          run.finish({});
        },
        [](const Saved&, const None&) { return Trained{}; });
    lesson.defaults.schedule = "linear";
    lesson.by_step = by_step;
    const std::string out = folder / (by_step ? "steps" : "epochs");
    CHECK(example::run(lesson, {"--data", "moons", "--train-size", "20", "--batch-size", "10",
                                "--epochs", "2", "--out", out})
              .status == 0);
    CHECK(rates == (by_step ? std::vector<double>{1, 0.75, 0.5, 0.25}
                            : std::vector<double>{1, 1, 0.5, 0.5}));
    // To more epochs: the longer schedule from where the loop is, and it is said.
    rates.clear();
    const Outcome more = example::run(lesson, {"--resume", out, "--epochs", "4"});
    CHECK(more.status == 0);
    CHECK(more.err.find("--schedule linear was over 2 epochs and is now over 4") !=
          std::string::npos);
    CHECK(rates == (by_step ? std::vector<double>{0.5, 0.375, 0.25, 0.125}
                            : std::vector<double>{0.5, 0.5, 0.25, 0.25}));
    CHECK(Json::parse(nn::read_file(out + "/options.json"))["epochs"] == 4);
  }
}

TEST_CASE("runs within a run: folders of their own, resumed one by one, gathered") {
  const TemporaryFolder folder;
  static std::size_t trained;
  static std::vector<std::uint64_t> seeds;
  static bool stop_in_second;
  struct Count {
    std::size_t trials = 3;
    void describe(OptionTable& table) { table.add("--trials", trials, "how many", at_least(1)); }
  };
  const Lesson lesson = models::lesson<Count>(
      "example", "An example",
      [](Run& run, Count& count) {
        const Data data = run.load(Wants::anything("the example"));
        const auto all = run.each("trial", count.trials, [&](Run& trial, std::size_t number) {
          Rng rng = trial.rng();
          const Tensor w = parameter(rng.normal({2}));
          nn::SGD sgd({w});
          trial.model({{"w", w}});
          trial.keep("sgd", sgd);
          seeds.push_back(trial.seed());
          while (trial.next_epoch()) {
            if (stop_in_second && number == 2 && trial.epoch() == 2) std::raise(SIGINT);
            for (const Batch& batch : trial.batches(data)) {
              trial.step(sgd, batch, [&](const Batch& part) { return mean(part.x * w); });
            }
            ++trained;
            trial.end_epoch({});
          }
          trial.finish({{"number", static_cast<double>(number)}});
        });
        if (!all.empty()) run.finish(gathered(run, "trial", all));
      },
      [](const Saved&, const Count&) { return Trained{}; });
  const std::string out = folder / "run";
  stop_in_second = true;
  trained = 0;
  const std::vector<std::string> first{"--data", "moons", "--train-size", "20", "--epochs", "3",
                                       "--out",  out,     "--seed",       "5"};
  const Outcome stopped = example::run(lesson, first);
  CHECK(stopped.status == 130);
  CHECK(trained == 4);
  stop_in_second = false;
  const Outcome rest = example::run(lesson, {"--resume", out});
  CHECK(rest.status == 0);
  CHECK(trained == 9);  // each epoch of each trial once
  CHECK(seeds == std::vector<std::uint64_t>{5, 1005, 1005, 2005});
  const Json summary = Json::parse(nn::read_file(out + "/summary.json"));
  CHECK(summary["number"] == 2);
  CHECK(summary["number_standard_error"].get<double>() == doctest::Approx(1 / std::sqrt(3.0)));
  CHECK(summary["trial_3_number"] == 3);
  CHECK(exists(out + "/trials.md"));
  for (const char* const name : {"trial-01", "trial-02", "trial-03"}) {
    for (const char* const file : {"summary.json", "model.safetensors", "report.html"}) {
      CHECK(exists(out + "/" + name + "/" + file));
    }
  }
  CHECK(Json::parse(nn::read_file(out + "/trial-02/options.json"))["seed"] == 1005);
  const std::string refusal =
      out + ": holds 3 runs; open one of them, " + out + "/trial-01 for one";
  CHECK_THROWS_WITH_AS(Saved{out}, refusal.c_str(), std::runtime_error);
  CHECK(Saved(out + "/trial-02").data_seed() == 5);
  // Nothing is left to train: neither they nor what the run around them left are touched.
  const std::string before = nn::read_file(out + "/summary.json");
  CHECK(example::run(lesson, {"--resume", out}).status == 0);
  CHECK(trained == 9);
  CHECK(nn::read_file(out + "/summary.json") == before);
  // One of them by itself is that one, and starts no others.
  CHECK(example::run(lesson, {"--resume", out + "/trial-03", "--epochs", "4"}).status == 0);
  CHECK(trained == 10);
  CHECK_FALSE(exists(out + "/trial-03/trial-01"));
  // Another run in their place takes nothing from them.
  std::vector<std::string> again = first;
  again.insert(again.end(), {"--overwrite", "--trials", "2"});
  CHECK(example::run(lesson, again).status == 0);
  CHECK(trained == 16);
  CHECK_FALSE(exists(out + "/trial-03"));
}
