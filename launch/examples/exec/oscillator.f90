! A damped oscillator to be brought to rest by a force, in a Fortran program with its own main loop.
!   gfortran -O2 build/include/corsac/corsac_sim.f90 oscillator.f90 build/lib/libcorsac_sim.a -o oscillator
!   corsac train --env 'exec:./oscillator'
module oscillator_state
  use corsac_sim
  use, intrinsic :: iso_c_binding
  implicit none
  real(c_double) :: x, v

contains

  ! Optional: with these a resumed run goes on in the middle of an episode. The state is all that the next steps depend on.
  subroutine save_state(sim)
    type(corsac_simulator), intent(inout) :: sim
    call corsac_put(sim, x)
    call corsac_put(sim, v)
  end subroutine

  subroutine load_state(sim)
    type(corsac_simulator), intent(inout) :: sim
    call corsac_get(sim, x)
    call corsac_get(sim, v)
  end subroutine
end module

program oscillator
  use oscillator_state
  implicit none
  real(c_double), parameter :: dt = 0.05d0, stiffness = 1, damping = 0.1d0
  type(corsac_simulator) :: sim
  real(c_float) :: obs(2), action(1)
  real(c_double) :: force, energy
  integer :: i, flags

  call corsac_open(sim, 'oscillator', obs_dim=2, action_low=[-1d0], action_high=[1d0], max_episode_steps=100, &
                   info_names=['energy'], save=save_state, load=load_state)
  do while (sim%next == CORSAC_BEGIN_NEXT) ! an episode
    x = real(shiftr(corsac_seed(sim), 11), c_double) * 2d0**(-52) - 1
    v = 0
    obs = real([x, v], c_float)
    call corsac_begin(sim, obs, action)
    do while (sim%next == CORSAC_ACT) ! a step
      force = action(1)
      do i = 1, 4
        v = v + dt / 4 * (force - stiffness * x - damping * v)
        x = x + dt / 4 * v
      end do
      obs = real([x, v], c_float)
      energy = (v * v + stiffness * x * x) / 2
      flags = merge(CORSAC_TERMINATED, 0, energy > 10)
      call corsac_info(sim, [energy])
      call corsac_step(sim, obs, -energy - 0.01d0 * force * force, flags, action)
    end do
  end do
  call corsac_close(sim)
  if (sim%next /= CORSAC_STOP) error stop 1
end program
