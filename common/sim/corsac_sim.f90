! corsac/sim.h for Fortran 2018: compile this file with the simulator, link libcorsac_sim.
!
!   call corsac_open(sim, 'cart', obs_dim=4, action_low=[-1d0], action_high=[1d0], max_episode_steps=500)
!   do while (sim%next == CORSAC_BEGIN_NEXT)                 ! an episode
!     ... start from corsac_seed(sim) ...
!     call corsac_begin(sim, obs, action)
!     do while (sim%next == CORSAC_ACT)
!       ... advance with action ...
!       call corsac_step(sim, obs, reward, flags, action)
!     end do
!   end do
!   call corsac_close(sim)
!
! With save and load, two subroutines of (sim), a resumed run goes on in the middle of an episode:
!
!   call corsac_put(sim, x)    in save, for each variable that the steps to come depend on, other than corsac_seed
!   call corsac_get(sim, x)    in load, in the same order
!
! x is of real(c_double), real(c_float), integer(c_int), integer(c_int64_t) or logical, of any rank. corsac_put_file(sim,
! path) and corsac_get_file(sim, path) take a restart file. corsac_begin and corsac_step call save. To load a state,
! corsac asks for a new episode, as after any other; corsac_begin calls load after the program has put the simulation at
! its start, and so replaces that start. Where the start takes long, if (.not. corsac_resumes(sim)) leaves it out. What
! goes wrong is reported by the library; corsac_fail in save or load makes it fail.
!
! obs and action are real(c_float), rewards and bounds real(c_double). sim%next is negative after a failure; the reason
! is on stderr.
module corsac_sim
  use, intrinsic :: iso_c_binding
  implicit none
  private
  public :: corsac_open, corsac_begin, corsac_step, corsac_seed, corsac_info, corsac_fail, corsac_close
  public :: corsac_episode, corsac_env_steps, corsac_case, corsac_agents
  public :: corsac_put, corsac_get, corsac_put_file, corsac_get_file, corsac_resumes

  integer, parameter, public :: CORSAC_TERMINATED = 1, CORSAC_TRUNCATED = 2
  integer(c_int8_t), parameter, public :: CORSAC_ABSENT = 0, CORSAC_PRESENT = 4 ! of an agent, beside these
  integer, parameter, public :: CORSAC_INFO_MEAN = 0, CORSAC_INFO_LAST = 1, CORSAC_INFO_MAX = 2
  integer, parameter, public :: CORSAC_ACT = 0, CORSAC_BEGIN_NEXT = 1, CORSAC_STOP = 2

  type, public :: corsac_simulator
    type(c_ptr) :: handle = c_null_ptr
    integer :: next = -1
    integer :: info_dim = 0
  end type

  type, bind(c) :: c_spec
    integer(c_int32_t) :: size
    type(c_ptr) :: name
    integer(c_int32_t) :: obs_dim, act_dim, max_episode_steps
    type(c_ptr) :: action_low, action_high
    integer(c_int32_t) :: info_dim
    type(c_ptr) :: info_names
    type(c_ptr) :: info_rules
    type(c_funptr) :: save, load
    type(c_ptr) :: user
    integer(c_int32_t) :: agents
  end type

  abstract interface
    subroutine corsac_state(sim)
      import :: corsac_simulator
      type(corsac_simulator), intent(inout) :: sim
    end subroutine
  end interface
  procedure(corsac_state), pointer, save :: saver => null(), loader => null() ! of the program's simulator

  interface corsac_put
    module procedure put_double, put_float, put_int, put_long, put_logical
  end interface
  interface corsac_get
    module procedure get_double, get_float, get_int, get_long, get_logical
  end interface

  interface
    function c_open(spec) bind(c, name='corsac_sim_open')
      import :: c_ptr, c_spec
      type(c_spec), intent(in) :: spec
      type(c_ptr) :: c_open
    end function
    integer(c_int) function c_begin(sim, obs, action) bind(c, name='corsac_sim_begin')
      import :: c_ptr, c_int, c_float
      type(c_ptr), value :: sim
      real(c_float), intent(in) :: obs(*)
      real(c_float), intent(inout) :: action(*)
    end function
    integer(c_int) function c_step(sim, obs, reward, flags, action) bind(c, name='corsac_sim_step')
      import :: c_ptr, c_int, c_float, c_double
      type(c_ptr), value :: sim
      real(c_float), intent(in) :: obs(*)
      real(c_double), value :: reward
      integer(c_int), value :: flags
      real(c_float), intent(inout) :: action(*)
    end function
    integer(c_int64_t) function c_seed(sim) bind(c, name='corsac_sim_seed')
      import :: c_ptr, c_int64_t
      type(c_ptr), value :: sim
    end function
    integer(c_int64_t) function c_episode(sim) bind(c, name='corsac_sim_episode')
      import :: c_ptr, c_int64_t
      type(c_ptr), value :: sim
    end function
    integer(c_int64_t) function c_env_steps(sim) bind(c, name='corsac_sim_env_steps')
      import :: c_ptr, c_int64_t
      type(c_ptr), value :: sim
    end function
    type(c_ptr) function c_case(sim) bind(c, name='corsac_sim_case')
      import :: c_ptr
      type(c_ptr), value :: sim
    end function
    integer(c_size_t) function c_length(text) bind(c, name='strlen')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: text
    end function
    subroutine c_info(sim, values) bind(c, name='corsac_sim_info')
      import :: c_ptr, c_double
      type(c_ptr), value :: sim
      real(c_double), intent(in) :: values(*)
    end subroutine
    subroutine c_agents(sim, rewards, flags) bind(c, name='corsac_sim_agents')
      import :: c_ptr
      type(c_ptr), value :: sim, rewards, flags
    end subroutine
    integer(c_int) function c_fail(sim, why) bind(c, name='corsac_sim_fail')
      import :: c_ptr, c_int, c_char
      type(c_ptr), value :: sim
      character(kind=c_char), intent(in) :: why(*)
    end function
    integer(c_int) function c_put(sim, bytes, size) bind(c, name='corsac_sim_put')
      import :: c_ptr, c_int, c_size_t
      type(c_ptr), value :: sim, bytes
      integer(c_size_t), value :: size
    end function
    integer(c_int) function c_get(sim, bytes, size) bind(c, name='corsac_sim_get')
      import :: c_ptr, c_int, c_size_t
      type(c_ptr), value :: sim, bytes
      integer(c_size_t), value :: size
    end function
    integer(c_int) function c_put_file(sim, path) bind(c, name='corsac_sim_put_file')
      import :: c_ptr, c_int, c_char
      type(c_ptr), value :: sim
      character(kind=c_char), intent(in) :: path(*)
    end function
    integer(c_int) function c_get_file(sim, path) bind(c, name='corsac_sim_get_file')
      import :: c_ptr, c_int, c_char
      type(c_ptr), value :: sim
      character(kind=c_char), intent(in) :: path(*)
    end function
    integer(c_int) function c_resumes(sim) bind(c, name='corsac_sim_resumes')
      import :: c_ptr, c_int
      type(c_ptr), value :: sim
    end function
    subroutine c_close(sim) bind(c, name='corsac_sim_close')
      import :: c_ptr
      type(c_ptr), value :: sim
    end subroutine
  end interface

contains

  subroutine corsac_open(sim, name, obs_dim, action_low, action_high, max_episode_steps, info_names, info_rules, &
                         save, load, agents)
    type(corsac_simulator), intent(out) :: sim
    character(len=*), intent(in) :: name
    integer, intent(in) :: obs_dim
    real(c_double), intent(in), contiguous, target :: action_low(:), action_high(:)
    integer, intent(in), optional :: max_episode_steps
    character(len=*), intent(in), optional :: info_names(:)
    integer, intent(in), optional :: info_rules(:) ! CORSAC_INFO_MEAN and so on, one for each name
    procedure(corsac_state), optional :: save, load ! both, or neither
    integer, intent(in), optional :: agents ! of several, obs and action are those of all: see corsac_agents
    integer(c_int8_t), target :: rules(16)
    character(kind=c_char, len=64), target :: texts(16), c_name
    type(c_ptr), target :: names(16)
    type(c_spec) :: spec
    integer :: i

    if (size(action_low) /= size(action_high)) error stop 'corsac_open: action_low and action_high have different sizes'
    c_name = name(:min(len_trim(name), len(c_name) - 1))//c_null_char
    spec%size = int(c_sizeof(spec), c_int32_t)
    spec%name = c_loc(c_name)
    spec%obs_dim = int(obs_dim, c_int32_t)
    spec%act_dim = int(size(action_low), c_int32_t)
    spec%max_episode_steps = 0
    if (present(max_episode_steps)) spec%max_episode_steps = int(max_episode_steps, c_int32_t)
    spec%action_low = c_loc(action_low)
    spec%action_high = c_loc(action_high)
    spec%info_dim = 0
    spec%info_names = c_null_ptr
    if (present(info_names)) then
      do i = 1, min(size(info_names), size(names))
        texts(i) = info_names(i)(:min(len_trim(info_names(i)), len(texts) - 1))//c_null_char
        names(i) = c_loc(texts(i))
      end do
      spec%info_dim = int(size(info_names), c_int32_t) ! more than 16 are refused
      spec%info_names = c_loc(names)
    end if
    spec%info_rules = c_null_ptr
    if (present(info_rules)) then
      if (size(info_rules) /= spec%info_dim) error stop 'corsac_open: info_rules and info_names have different sizes'
      rules(:min(size(info_rules), size(rules))) = int(info_rules(:min(size(info_rules), size(rules))), c_int8_t)
      spec%info_rules = c_loc(rules)
    end if
    if (present(save) .neqv. present(load)) error stop 'corsac_open: save and load come together'
    spec%save = c_null_funptr
    spec%load = c_null_funptr
    spec%user = c_null_ptr
    spec%agents = 1
    if (present(agents)) spec%agents = int(agents, c_int32_t)
    if (present(save)) then
      saver => save
      loader => load
      spec%save = c_funloc(call_saver)
      spec%load = c_funloc(call_loader)
    end if
    sim%info_dim = int(spec%info_dim)
    sim%handle = c_open(spec)
    if (c_associated(sim%handle)) sim%next = CORSAC_BEGIN_NEXT
  end subroutine

  subroutine corsac_begin(sim, obs, action)
    type(corsac_simulator), intent(inout) :: sim
    real(c_float), intent(in), contiguous :: obs(:)
    real(c_float), intent(inout), contiguous :: action(:)
    sim%next = int(c_begin(sim%handle, obs, action))
  end subroutine

  subroutine corsac_step(sim, obs, reward, flags, action)
    type(corsac_simulator), intent(inout) :: sim
    real(c_float), intent(in), contiguous :: obs(:)
    real(c_double), intent(in) :: reward
    integer, intent(in) :: flags
    real(c_float), intent(inout), contiguous :: action(:)
    sim%next = int(c_step(sim%handle, obs, reward, int(flags, c_int), action))
  end subroutine

  ! Of several agents, before corsac_begin (without rewards) and corsac_step: their rewards, and CORSAC_PRESENT and so on
  ! of each. Without flags all are there.
  subroutine corsac_agents(sim, rewards, flags)
    type(corsac_simulator), intent(inout) :: sim
    real(c_double), intent(in), contiguous, target, optional :: rewards(:)
    integer(c_int8_t), intent(in), contiguous, target, optional :: flags(:)
    type(c_ptr) :: r, f
    r = c_null_ptr
    f = c_null_ptr
    if (present(rewards)) r = c_loc(rewards)
    if (present(flags)) f = c_loc(flags)
    call c_agents(sim%handle, r, f)
  end subroutine

  ! The seed of the episode that is to begin; all 64 bits are used, so it may be negative.
  integer(c_int64_t) function corsac_seed(sim)
    type(corsac_simulator), intent(in) :: sim
    corsac_seed = c_seed(sim%handle)
  end function

  ! The number of the episode that is to begin, and the steps that the job has made.
  integer(c_int64_t) function corsac_episode(sim)
    type(corsac_simulator), intent(in) :: sim
    corsac_episode = c_episode(sim%handle)
  end function

  integer(c_int64_t) function corsac_env_steps(sim)
    type(corsac_simulator), intent(in) :: sim
    corsac_env_steps = c_env_steps(sim%handle)
  end function

  ! With --cases: the case of the episode that is to begin, and then of that episode; '': there are none.
  function corsac_case(sim) result(text)
    type(corsac_simulator), intent(in) :: sim
    character(len=:), allocatable :: text
    character(kind=c_char), pointer :: bytes(:)
    type(c_ptr) :: start
    integer :: i
    start = c_case(sim%handle)
    call c_f_pointer(start, bytes, [c_length(start)])
    allocate (character(len=size(bytes)) :: text)
    do i = 1, size(bytes)
      text(i:i) = bytes(i)
    end do
  end function

  subroutine corsac_info(sim, values)
    type(corsac_simulator), intent(in) :: sim
    real(c_double), intent(in), contiguous :: values(:)
    if (size(values) /= sim%info_dim) error stop 'corsac_info: not as many values as names'
    call c_info(sim%handle, values)
  end subroutine

  subroutine corsac_fail(sim, why)
    type(corsac_simulator), intent(inout) :: sim
    character(len=*), intent(in) :: why
    sim%next = int(c_fail(sim%handle, trim(why)//c_null_char))
  end subroutine

  ! What the library calls. It knows itself what goes wrong inside. user is null, as corsac_open gave it.
  integer(c_int) function call_saver(handle, user) bind(c, name='')
    type(c_ptr), value :: handle, user
    type(corsac_simulator) :: sim
    sim%handle = handle
    call saver(sim)
    call_saver = merge(-1, 0, c_associated(user))
  end function

  integer(c_int) function call_loader(handle, user) bind(c, name='')
    type(c_ptr), value :: handle, user
    type(corsac_simulator) :: sim
    sim%handle = handle
    call loader(sim)
    call_loader = merge(-1, 0, c_associated(user))
  end function

  subroutine put_double(sim, x)
    type(corsac_simulator), intent(in) :: sim
    real(c_double), intent(in), contiguous, target :: x(..)
    integer(c_int) :: ignored
    ignored = c_put(sim%handle, c_loc(x), size(x, kind=c_size_t) * c_sizeof(0._c_double))
  end subroutine

  subroutine get_double(sim, x)
    type(corsac_simulator), intent(in) :: sim
    real(c_double), intent(inout), contiguous, target :: x(..)
    integer(c_int) :: ignored
    ignored = c_get(sim%handle, c_loc(x), size(x, kind=c_size_t) * c_sizeof(0._c_double))
  end subroutine

  subroutine put_float(sim, x)
    type(corsac_simulator), intent(in) :: sim
    real(c_float), intent(in), contiguous, target :: x(..)
    integer(c_int) :: ignored
    ignored = c_put(sim%handle, c_loc(x), size(x, kind=c_size_t) * c_sizeof(0._c_float))
  end subroutine

  subroutine get_float(sim, x)
    type(corsac_simulator), intent(in) :: sim
    real(c_float), intent(inout), contiguous, target :: x(..)
    integer(c_int) :: ignored
    ignored = c_get(sim%handle, c_loc(x), size(x, kind=c_size_t) * c_sizeof(0._c_float))
  end subroutine

  subroutine put_int(sim, x)
    type(corsac_simulator), intent(in) :: sim
    integer(c_int), intent(in), contiguous, target :: x(..)
    integer(c_int) :: ignored
    ignored = c_put(sim%handle, c_loc(x), size(x, kind=c_size_t) * c_sizeof(0_c_int))
  end subroutine

  subroutine get_int(sim, x)
    type(corsac_simulator), intent(in) :: sim
    integer(c_int), intent(inout), contiguous, target :: x(..)
    integer(c_int) :: ignored
    ignored = c_get(sim%handle, c_loc(x), size(x, kind=c_size_t) * c_sizeof(0_c_int))
  end subroutine

  subroutine put_long(sim, x)
    type(corsac_simulator), intent(in) :: sim
    integer(c_int64_t), intent(in), contiguous, target :: x(..)
    integer(c_int) :: ignored
    ignored = c_put(sim%handle, c_loc(x), size(x, kind=c_size_t) * c_sizeof(0_c_int64_t))
  end subroutine

  subroutine get_long(sim, x)
    type(corsac_simulator), intent(in) :: sim
    integer(c_int64_t), intent(inout), contiguous, target :: x(..)
    integer(c_int) :: ignored
    ignored = c_get(sim%handle, c_loc(x), size(x, kind=c_size_t) * c_sizeof(0_c_int64_t))
  end subroutine

  subroutine put_logical(sim, x)
    type(corsac_simulator), intent(in) :: sim
    logical, intent(in), contiguous, target :: x(..)
    integer(c_int) :: ignored
    ignored = c_put(sim%handle, c_loc(x), size(x, kind=c_size_t) * storage_size(.true.) / 8_c_size_t)
  end subroutine

  subroutine get_logical(sim, x)
    type(corsac_simulator), intent(in) :: sim
    logical, intent(inout), contiguous, target :: x(..)
    integer(c_int) :: ignored
    ignored = c_get(sim%handle, c_loc(x), size(x, kind=c_size_t) * storage_size(.true.) / 8_c_size_t)
  end subroutine

  subroutine corsac_put_file(sim, path)
    type(corsac_simulator), intent(in) :: sim
    character(len=*), intent(in) :: path
    integer(c_int) :: ignored
    ignored = c_put_file(sim%handle, trim(path)//c_null_char)
  end subroutine

  subroutine corsac_get_file(sim, path)
    type(corsac_simulator), intent(in) :: sim
    character(len=*), intent(in) :: path
    integer(c_int) :: ignored
    ignored = c_get_file(sim%handle, trim(path)//c_null_char)
  end subroutine

  ! corsac_begin will call load.
  logical function corsac_resumes(sim)
    type(corsac_simulator), intent(in) :: sim
    corsac_resumes = c_resumes(sim%handle) /= 0
  end function

  subroutine corsac_close(sim)
    type(corsac_simulator), intent(inout) :: sim
    call c_close(sim%handle)
    sim%handle = c_null_ptr
  end subroutine
end module
