! corsac/policy.h for Fortran 2008: compile this file with the program, link libcorsac_policy.
!
!   type(corsac_trained_policy) :: policy
!   real(c_float), allocatable :: scratch(:)                  ! one for each thread that acts
!   call corsac_load_policy(policy, 'runs/p1', why)           ! a checkpoint, a run directory, an .npz
!   if (.not. policy%loaded) error stop trim(why)
!   allocate (scratch(policy%scratch_size))
!   ...
!   call corsac_policy_mode(policy, obs, action, scratch)     ! deterministic; corsac_policy_draw draws an action
!   ...
!   call corsac_free_policy(policy)
!
! A policy that was trained with --history has policy%history > 1 and sees the newest observations of an episode. A state
! holds these; it takes policies without a history, too:
!
!   real(c_float), allocatable :: state(:)                    ! one for each episode that runs, of each agent
!   allocate (state(policy%state_size))
!   call corsac_policy_reset(policy, state)                   ! an episode begins
!   call corsac_policy_step(policy, state, obs, action, scratch)
!                                                             ! once for each observation; _step_draw draws an action
!   call corsac_policy_applied(policy, state, action)         ! only where another action was applied than the step gave
!
! obs (policy%obs_dim) and action (policy%act_dim) are real(c_float), action within the environment's own bounds,
! policy%action_low and policy%action_high. Any number of threads may act with one policy at once.
module corsac_policy
  use, intrinsic :: iso_c_binding
  implicit none
  private
  public :: corsac_load_policy, corsac_free_policy, corsac_policy_mode, corsac_policy_draw
  public :: corsac_policy_reset, corsac_policy_step, corsac_policy_step_draw, corsac_policy_applied

  type, public :: corsac_trained_policy
    type(c_ptr) :: handle = c_null_ptr
    logical :: loaded = .false.
    integer :: obs_dim = 0, act_dim = 0, scratch_size = 0, history = 1, state_size = 0
    integer :: frame_skip = 1 ! steps of the environment for which an action is held
    integer(c_int64_t) :: env_steps = 0
    real(c_double), pointer :: action_low(:) => null(), action_high(:) => null()
  end type

  interface
    function c_load(path, why, size) bind(c, name='corsac_policy_load')
      import :: c_ptr, c_char, c_size_t
      character(kind=c_char), intent(in) :: path(*)
      character(kind=c_char), intent(inout) :: why(*)
      integer(c_size_t), value :: size
      type(c_ptr) :: c_load
    end function
    subroutine c_free(policy) bind(c, name='corsac_policy_free')
      import :: c_ptr
      type(c_ptr), value :: policy
    end subroutine
    integer(c_int32_t) function c_obs_dim(policy) bind(c, name='corsac_policy_obs_dim')
      import :: c_ptr, c_int32_t
      type(c_ptr), value :: policy
    end function
    integer(c_int32_t) function c_act_dim(policy) bind(c, name='corsac_policy_act_dim')
      import :: c_ptr, c_int32_t
      type(c_ptr), value :: policy
    end function
    integer(c_int64_t) function c_env_steps(policy) bind(c, name='corsac_policy_env_steps')
      import :: c_ptr, c_int64_t
      type(c_ptr), value :: policy
    end function
    type(c_ptr) function c_low(policy) bind(c, name='corsac_policy_action_low')
      import :: c_ptr
      type(c_ptr), value :: policy
    end function
    type(c_ptr) function c_high(policy) bind(c, name='corsac_policy_action_high')
      import :: c_ptr
      type(c_ptr), value :: policy
    end function
    integer(c_size_t) function c_scratch_size(policy) bind(c, name='corsac_policy_scratch_size')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: policy
    end function
    integer(c_int32_t) function c_history(policy) bind(c, name='corsac_policy_history')
      import :: c_ptr, c_int32_t
      type(c_ptr), value :: policy
    end function
    integer(c_int32_t) function c_frame_skip(policy) bind(c, name='corsac_policy_frame_skip')
      import :: c_ptr, c_int32_t
      type(c_ptr), value :: policy
    end function
    integer(c_size_t) function c_state_size(policy) bind(c, name='corsac_policy_state_size')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: policy
    end function
    subroutine c_reset(policy, state) bind(c, name='corsac_policy_reset')
      import :: c_ptr, c_float
      type(c_ptr), value :: policy
      real(c_float), intent(inout) :: state(*)
    end subroutine
    integer(c_int) function c_step(policy, state, obs, action, scratch) bind(c, name='corsac_policy_step')
      import :: c_ptr, c_int, c_float
      type(c_ptr), value :: policy
      real(c_float), intent(in) :: obs(*)
      real(c_float), intent(inout) :: state(*), action(*), scratch(*)
    end function
    integer(c_int) function c_step_sample(policy, state, obs, seed, counter, action, scratch) &
      bind(c, name='corsac_policy_step_sample')
      import :: c_ptr, c_int, c_int64_t, c_float
      type(c_ptr), value :: policy
      real(c_float), intent(in) :: obs(*)
      integer(c_int64_t), value :: seed, counter
      real(c_float), intent(inout) :: state(*), action(*), scratch(*)
    end function
    integer(c_int) function c_applied(policy, state, action) bind(c, name='corsac_policy_applied')
      import :: c_ptr, c_int, c_float
      type(c_ptr), value :: policy
      real(c_float), intent(inout) :: state(*)
      real(c_float), intent(in) :: action(*)
    end function
    integer(c_int) function c_act(policy, obs, action, scratch) bind(c, name='corsac_policy_act')
      import :: c_ptr, c_int, c_float
      type(c_ptr), value :: policy
      real(c_float), intent(in) :: obs(*)
      real(c_float), intent(inout) :: action(*), scratch(*)
    end function
    integer(c_int) function c_sample(policy, obs, seed, counter, action, scratch) bind(c, name='corsac_policy_sample')
      import :: c_ptr, c_int, c_int64_t, c_float
      type(c_ptr), value :: policy
      real(c_float), intent(in) :: obs(*)
      integer(c_int64_t), value :: seed, counter
      real(c_float), intent(inout) :: action(*), scratch(*)
    end function
  end interface

contains

  ! policy%loaded tells whether it could be; if not, why says the reason.
  subroutine corsac_load_policy(policy, path, why)
    type(corsac_trained_policy), intent(out) :: policy
    character(len=*), intent(in) :: path
    character(len=*), intent(out), optional :: why
    character(kind=c_char) :: text(1024)
    type(c_ptr) :: low, high
    integer :: i

    text = c_null_char
    policy%handle = c_load(trim(path)//c_null_char, text, int(size(text), c_size_t))
    policy%loaded = c_associated(policy%handle)
    if (present(why)) then
      why = ''
      do i = 1, min(len(why), size(text))
        if (text(i) == c_null_char) exit
        why(i:i) = text(i)
      end do
    end if
    if (.not. policy%loaded) return
    policy%obs_dim = int(c_obs_dim(policy%handle))
    policy%act_dim = int(c_act_dim(policy%handle))
    policy%env_steps = c_env_steps(policy%handle)
    policy%scratch_size = int((c_scratch_size(policy%handle) + 3)/4)
    policy%history = int(c_history(policy%handle))
    policy%frame_skip = int(c_frame_skip(policy%handle))
    policy%state_size = int(c_state_size(policy%handle)/4)
    low = c_low(policy%handle)
    high = c_high(policy%handle)
    call c_f_pointer(low, policy%action_low, [policy%act_dim])
    call c_f_pointer(high, policy%action_high, [policy%act_dim])
  end subroutine

  ! The deterministic action of a policy without a history. good: false where obs is not finite (and where absent, that
  ! stops the program).
  subroutine corsac_policy_mode(policy, obs, action, scratch, good)
    type(corsac_trained_policy), intent(in) :: policy
    real(c_float), intent(in), contiguous :: obs(:)
    real(c_float), intent(inout), contiguous :: action(:), scratch(:)
    logical, intent(out), optional :: good
    call check_sizes(policy, size(obs), size(action), size(scratch))
    call check_alone(policy)
    call judge(c_act(policy%handle, obs, action, scratch), good)
  end subroutine

  ! An action drawn from the distribution of such a policy: a function of obs, seed and counter alone.
  subroutine corsac_policy_draw(policy, obs, seed, counter, action, scratch, good)
    type(corsac_trained_policy), intent(in) :: policy
    real(c_float), intent(in), contiguous :: obs(:)
    integer(c_int64_t), intent(in) :: seed, counter
    real(c_float), intent(inout), contiguous :: action(:), scratch(:)
    logical, intent(out), optional :: good
    call check_sizes(policy, size(obs), size(action), size(scratch))
    call check_alone(policy)
    call judge(c_sample(policy%handle, obs, seed, counter, action, scratch), good)
  end subroutine

  ! An episode begins.
  subroutine corsac_policy_reset(policy, state)
    type(corsac_trained_policy), intent(in) :: policy
    real(c_float), intent(inout), contiguous :: state(:)
    call check_state(policy, size(state))
    call c_reset(policy%handle, state)
  end subroutine

  ! The deterministic action at the next observation of the episode. good: as of corsac_policy_mode.
  subroutine corsac_policy_step(policy, state, obs, action, scratch, good)
    type(corsac_trained_policy), intent(in) :: policy
    real(c_float), intent(in), contiguous :: obs(:)
    real(c_float), intent(inout), contiguous :: state(:), action(:), scratch(:)
    logical, intent(out), optional :: good
    call check_sizes(policy, size(obs), size(action), size(scratch))
    call check_state(policy, size(state))
    call judge(c_step(policy%handle, state, obs, action, scratch), good)
  end subroutine

  ! An action drawn at the next observation: a function of state, obs, seed and counter alone.
  subroutine corsac_policy_step_draw(policy, state, obs, seed, counter, action, scratch, good)
    type(corsac_trained_policy), intent(in) :: policy
    real(c_float), intent(in), contiguous :: obs(:)
    integer(c_int64_t), intent(in) :: seed, counter
    real(c_float), intent(inout), contiguous :: state(:), action(:), scratch(:)
    logical, intent(out), optional :: good
    call check_sizes(policy, size(obs), size(action), size(scratch))
    call check_state(policy, size(state))
    call judge(c_step_sample(policy%handle, state, obs, seed, counter, action, scratch), good)
  end subroutine

  ! The environment got this action in place of that of the last step. good: false where it is not finite.
  subroutine corsac_policy_applied(policy, state, action, good)
    type(corsac_trained_policy), intent(in) :: policy
    real(c_float), intent(inout), contiguous :: state(:)
    real(c_float), intent(in), contiguous :: action(:)
    logical, intent(out), optional :: good
    call check_state(policy, size(state))
    if (size(action) /= policy%act_dim) error stop 'corsac_policy: action is not of the size that the policy has'
    call judge(c_applied(policy%handle, state, action), good)
  end subroutine

  subroutine corsac_free_policy(policy)
    type(corsac_trained_policy), intent(inout) :: policy
    call c_free(policy%handle)
    policy = corsac_trained_policy()
  end subroutine

  subroutine check_sizes(policy, obs, action, scratch)
    type(corsac_trained_policy), intent(in) :: policy
    integer, intent(in) :: obs, action, scratch
    if (.not. policy%loaded) error stop 'corsac_policy: no policy is loaded'
    if (obs /= policy%obs_dim .or. action /= policy%act_dim) &
      error stop 'corsac_policy: obs or action is not of the size that the policy has'
    if (scratch < policy%scratch_size) error stop 'corsac_policy: scratch is smaller than policy%scratch_size'
  end subroutine

  subroutine check_state(policy, state)
    type(corsac_trained_policy), intent(in) :: policy
    integer, intent(in) :: state
    if (.not. policy%loaded) error stop 'corsac_policy: no policy is loaded'
    if (state < policy%state_size) error stop 'corsac_policy: state is smaller than policy%state_size'
  end subroutine

  subroutine check_alone(policy)
    type(corsac_trained_policy), intent(in) :: policy
    if (policy%history > 1) error stop 'corsac_policy: the policy has a history: it acts by corsac_policy_step'
  end subroutine

  subroutine judge(result, good)
    integer(c_int), intent(in) :: result
    logical, intent(out), optional :: good
    if (present(good)) then
      good = result == 0
    else if (result /= 0) then
      error stop 'corsac_policy: an observation, or the action applied, is not finite'
    end if
  end subroutine
end module
