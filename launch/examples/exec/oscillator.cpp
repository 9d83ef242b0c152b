// A damped oscillator to be brought to rest by a force, in a C++ program with its own main loop.
//   g++ oscillator.cpp -I build/include build/lib/libcorsac_sim.a -o oscillator
//   corsac train --env 'exec:./oscillator'
#include <corsac/sim.hpp>
#include <exception>
#include <iostream>

struct oscillator {
  double x, v;

  void advance(double force, double dt) {
    const double stiffness = 1, damping = 0.1;
    for (int i = 0; i < 4; i++) {
      v += dt / 4 * (force - stiffness * x - damping * v);
      x += dt / 4 * v;
    }
  }
  double energy() const { return (v * v + x * x) / 2; }
  std::vector<float> observe() const { return {static_cast<float>(x), static_cast<float>(v)}; }
};

int main() try {
  oscillator system = {0, 0};
  corsac::sim_spec spec("oscillator", 2, {-1}, {1}, 100, {"energy"});
  spec.save = [&](corsac::sim &sim) { sim.put(system); }; // optional: a resumed run goes on in the middle of an episode
  spec.load = [&](corsac::sim &sim) { sim.get(system); };
  corsac::sim sim(spec);
  while (sim.wanted()) { // an episode
    system = {static_cast<double>(sim.seed() >> 11) / (1ull << 52) - 1, 0};
    sim.begin(system.observe());
    while (sim.acting()) { // a step
      const double force = sim.action()[0];
      system.advance(force, 0.05);
      sim.info({system.energy()});
      sim.step(system.observe(), -system.energy() - 0.01 * force * force, system.energy() > 10 ? CORSAC_TERMINATED : 0);
    }
  }
} catch (const std::exception &error) {
  std::cerr << error.what() << "\n";
  return 1;
}
