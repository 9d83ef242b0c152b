! Acts with a trained policy: prints its action at one observation, and eight actions drawn from its distribution. Then
! it acts in three steps of an episode in which nothing moves; only this goes with a policy that has a history.
!   gfortran PREFIX/include/corsac/corsac_policy.f90 act.f90 $(pkg-config --libs corsac-policy) -o act
!   ./act runs/p1 1 0 0
program act
  use corsac_policy
  use, intrinsic :: iso_c_binding
  use, intrinsic :: iso_fortran_env, only: error_unit
  implicit none
  type(corsac_trained_policy) :: policy
  real(c_float), allocatable :: obs(:), action(:), scratch(:), state(:)
  character(len=1024) :: text, why
  integer :: i
  integer(c_int64_t) :: draw

  text = 'runs/p1'
  if (command_argument_count() > 0) call get_command_argument(1, text)
  call corsac_load_policy(policy, text, why)
  if (.not. policy%loaded) then
    write (error_unit, '(a)') trim(why)
    error stop 1
  end if
  allocate (obs(policy%obs_dim), action(policy%act_dim), scratch(policy%scratch_size), state(policy%state_size))
  obs = 0
  do i = 1, min(policy%obs_dim, command_argument_count() - 1)
    call get_command_argument(i + 1, text)
    read (text, *) obs(i)
  end do

  if (policy%history == 1) then
    call corsac_policy_mode(policy, obs, action, scratch)
    print '(a, *(1x, es16.9))', 'act', action
    do draw = 0, 7
      call corsac_policy_draw(policy, obs, 1_c_int64_t, draw, action, scratch)
      print '(a, *(1x, es16.9))', 'sample', action
    end do
  end if

  call corsac_policy_reset(policy, state)
  do i = 1, 3
    call corsac_policy_step(policy, state, obs, action, scratch)
    print '(a, *(1x, es16.9))', 'step', action
  end do
  call corsac_free_policy(policy)
end program
