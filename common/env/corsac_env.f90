! The environment ABI of <corsac/env.h> for Fortran, version 1. Installed beside it. Compile it together with the plugin:
!   gfortran -shared -fPIC PREFIX/include/corsac/corsac_env.f90 my_solver.f90 -o my_solver.so
! The plugin defines function corsac_env() bind(C). That name is taken, so the module has another.
module corsac_env_abi
  use, intrinsic :: iso_c_binding
  implicit none

  integer(c_int32_t), parameter :: CORSAC_ABI = 1
  integer(c_int), parameter :: CORSAC_TERMINATED = 1, CORSAC_TRUNCATED = 2 ! flags that step returns
  integer(c_int8_t), parameter :: CORSAC_INFO_MEAN = 0, CORSAC_INFO_LAST = 1, CORSAC_INFO_MAX = 2 ! of a named value
  integer(c_int32_t), parameter :: CORSAC_ONE_PER_PROCESS = 1              ! flag of an environment
  integer(c_int8_t), parameter :: CORSAC_ABSENT = 0, CORSAC_PRESENT = 4    ! of an agent, beside the first two
  integer(c_int32_t), parameter :: CORSAC_MAX_AGENTS = 65536

  type, bind(C) :: corsac_env_config
    integer(c_int32_t) :: size
    type(c_ptr) :: id, args        ! texts: corsac_text(config%args)
    integer(c_int64_t) :: index
    integer(c_int) :: evaluation
    integer(c_int) :: comm         ! communicator as mpi_f08 and mpi have it, -1 if it is alone
    integer(c_int64_t) :: episode, env_steps ! where size has them: the next episode, steps of the job
  end type

  type, bind(C) :: corsac_env_spec
    integer(c_int32_t) :: size, obs_dim, act_dim, max_episode_steps
    type(c_ptr) :: action_low, action_high ! c_loc of real(c_double) arrays that stay, low < high
    integer(c_int32_t) :: info_dim         ! named values beside the reward: info_names is c_loc of (info_dim) c_loc's
    type(c_ptr) :: info_names              ! of texts that end with c_null_char, and stay
    type(c_ptr) :: info_rules              ! c_loc of (info_dim) c_int8_t's that stay, or c_null_ptr: all are means
    integer(c_int32_t) :: agents           ! set it with corsac_set_agents
  end type

  type, bind(C) :: corsac_env_table ! struct corsac_env: c_funloc of each procedure; size = c_sizeof of the variable
    integer(c_int32_t) :: abi = CORSAC_ABI, size = 0, flags = 0
    type(c_ptr) :: name = c_null_ptr
    type(c_funptr) :: create = c_null_funptr, reset = c_null_funptr, step = c_null_funptr, destroy = c_null_funptr
    ! optional:
    type(c_funptr) :: error = c_null_funptr, save = c_null_funptr, load = c_null_funptr
    type(c_funptr) :: step_begin = c_null_funptr, step_end = c_null_funptr
    type(c_funptr) :: info = c_null_funptr
    type(c_funptr) :: reset_begin = c_null_funptr, reset_end = c_null_funptr, progress = c_null_funptr
    type(c_funptr) :: set_case = c_null_funptr
    type(c_funptr) :: agent_flags = c_null_funptr
  end type

contains

  ! Converts a C text to Fortran.
  function corsac_text(pointer) result(text)
    type(c_ptr), intent(in) :: pointer
    character(len=:), allocatable :: text
    character(kind=c_char), pointer :: bytes(:)
    integer :: i
    interface
      function strlen(text) bind(C) result(length)
        import :: c_ptr, c_size_t
        type(c_ptr), value :: text
        integer(c_size_t) :: length
      end function
    end interface
    text = ''
    if (.not. c_associated(pointer)) return
    call c_f_pointer(pointer, bytes, [strlen(pointer)])
    text = repeat(' ', size(bytes))
    do i = 1, size(bytes)
      text(i:i) = bytes(i)
    end do
  end function

  ! Says that the instance has so many agents. False: the host is older than agents, and create returns c_null_ptr.
  function corsac_set_agents(spec, agents, error, error_size) result(known)
    type(corsac_env_spec), intent(inout) :: spec
    integer(c_int32_t), intent(in) :: agents
    type(c_ptr), value :: error
    integer(c_size_t), value :: error_size
    logical :: known
    known = spec%size >= c_sizeof(spec) .or. agents <= 1
    if (.not. known) &
      call corsac_say('it has several agents, and this version of corsac knows only one: use a newer one', error, error_size)
    if (spec%size >= c_sizeof(spec)) spec%agents = agents
  end function

  ! Tells the host why create failed.
  subroutine corsac_say(text, error, error_size)
    character(len=*), intent(in) :: text
    type(c_ptr), value :: error
    integer(c_size_t), value :: error_size
    character(kind=c_char), pointer :: bytes(:)
    integer :: i, length
    if (error_size < 1) return
    call c_f_pointer(error, bytes, [error_size])
    length = min(len_trim(text), int(error_size) - 1)
    do i = 1, length
      bytes(i) = text(i:i)
    end do
    bytes(length + 1) = c_null_char
  end subroutine
end module
