! heated_plate.c in Fortran, to the bit: a plate of cells, each with a heater: the agents, which share one policy. They
! heat it to 60 degrees and keep it there. A heater that gets too hot switches itself off, and comes back when its cell
! has cooled down.
!   gfortran -shared -fPIC -O2 build/include/corsac/corsac_env.f90 hot_plate.f90 -o hot_plate.so
!   corsac train --env ./hot_plate.so         the number of cells after a colon: ./hot_plate.so:64
module hot_plate
  use corsac_env_abi
  implicit none
  private :: plate_state, env, name
  integer, parameter :: CELLS = 16, COLUMNS = 4
  real(c_double), parameter :: TARGET_HEAT = 60, TOO_HOT = 90, COOL = 70 ! degrees
  type plate_state
    real(c_double) :: outside                  ! degrees, of the room
    real(c_double), allocatable :: heat(:)     ! degrees, of each cell
    integer(c_int8_t), allocatable :: heater(:) ! what agent_flags says of each
  end type
  real(c_double), target, save :: low(1) = 0, high(1) = 1 ! of a heater's power
  character(len=64), target, save :: name = 'hot_plate' // c_null_char
  type(corsac_env_table), target, save :: env

contains

  function corsac_env() bind(C) result(table) ! the one name seen outside; the C library has a step, too
    type(c_ptr) :: table
    env%size = int(c_sizeof(env), c_int32_t)
    env%name = c_loc(name(1:1))
    env%create = c_funloc(create); env%destroy = c_funloc(destroy)
    env%reset = c_funloc(reset);   env%step = c_funloc(step)
    env%save = c_funloc(save);     env%load = c_funloc(load) ! optional: a resumed run goes on in the middle of an episode
    env%agent_flags = c_funloc(agent_flags) ! optional: without it all agents are always there
    table = c_loc(env)
  end function

  function create(config, spec, error, error_size) bind(C, name='') result(self)
    type(corsac_env_config), intent(in) :: config
    type(corsac_env_spec), intent(inout) :: spec
    type(c_ptr), value :: error
    integer(c_size_t), value :: error_size
    type(c_ptr) :: self
    type(plate_state), pointer :: plate
    integer(c_int32_t) :: n, status
    self = c_null_ptr ! failed, unless it gets further
    n = CELLS
    status = 0
    if (corsac_text(config%args) /= '') call read_cells(corsac_text(config%args), n, status)
    if (status /= 0 .or. n < 1 .or. n > CORSAC_MAX_AGENTS) then
      call corsac_say('the number of cells is 1 to 65536, not "' // corsac_text(config%args) // '"', error, error_size)
      return
    end if
    spec%obs_dim = 3; spec%act_dim = 1 ! of each agent
    spec%max_episode_steps = 200
    spec%action_low = c_loc(low); spec%action_high = c_loc(high)
    if (.not. corsac_set_agents(spec, n, error, error_size)) return ! corsac is too old
    allocate (plate)
    plate%outside = 0
    allocate (plate%heat(n), source=0.0_c_double)
    allocate (plate%heater(n), source=CORSAC_PRESENT)
    self = c_loc(plate)
  end function

  subroutine read_cells(text, n, status)
    character(len=*), intent(in) :: text
    integer(c_int32_t), intent(inout) :: n
    integer(c_int32_t), intent(out) :: status
    status = merge(0, 1, verify(text, '0123456789') == 0)
    if (status == 0) read (text, *, iostat=status) n
  end subroutine

  ! The mean of the cells beside cell i; beyond the plate's edge is the room.
  function around(plate, i) result(mean)
    type(plate_state), intent(in) :: plate
    integer, intent(in) :: i
    real(c_double) :: mean, left, right, above, below
    left = plate%outside; right = plate%outside; above = plate%outside; below = plate%outside
    if (mod(i - 1, COLUMNS) > 0) left = plate%heat(i - 1)
    if (mod(i, COLUMNS) > 0 .and. i < size(plate%heat)) right = plate%heat(i + 1)
    if (i > COLUMNS) above = plate%heat(i - COLUMNS)
    if (i + COLUMNS <= size(plate%heat)) below = plate%heat(i + COLUMNS)
    mean = (left + right + above + below) / 4
  end function

  ! Column i of obs is what agent i observes.
  subroutine observe(plate, obs)
    type(plate_state), intent(in) :: plate
    real(c_float), intent(out) :: obs(3, size(plate%heat))
    integer :: i
    do i = 1, size(plate%heat)
      obs(1, i) = real((plate%heat(i) - TARGET_HEAT) / 20, c_float)
      obs(2, i) = real((around(plate, i) - plate%heat(i)) / 20, c_float)
      obs(3, i) = real((plate%outside - 15) / 5, c_float)
    end do
  end subroutine

  ! A number of [0, 1) that depends on n alone.
  function uniform(n, factor) result(u)
    integer(c_int64_t), intent(in) :: n, factor
    real(c_double) :: u
    u = real(shiftr(n * factor, 11), c_double) / 2.0_c_double**53
  end function

  function reset(self, seed, obs) bind(C, name='') result(status)
    type(c_ptr), value :: self
    integer(c_int64_t), value :: seed ! everything random comes from it
    real(c_float), intent(out) :: obs(3, *)
    integer(c_int) :: status, i
    type(plate_state), pointer :: plate
    call c_f_pointer(self, plate)
    plate%outside = 10 + 10 * uniform(seed, -7046029254386353131_c_int64_t)
    do i = 1, size(plate%heat)
      plate%heat(i) = plate%outside + 10 * uniform(seed + i - 1, -3372029247567499371_c_int64_t)
    end do
    plate%heater = CORSAC_PRESENT
    call observe(plate, obs)
    status = 0
  end function

  function step(self, action, obs, reward) bind(C, name='') result(flags)
    type(c_ptr), value :: self
    real(c_float), intent(in) :: action(*)
    real(c_float), intent(out) :: obs(3, *)
    real(c_double), intent(out) :: reward(*)
    integer(c_int) :: flags, i
    type(plate_state), pointer :: plate
    real(c_double) :: power
    logical :: acts
    call c_f_pointer(self, plate)
    do i = 1, size(plate%heat)
      acts = plate%heater(i) == CORSAC_PRESENT
      power = merge(real(action(i), c_double), 0.0_c_double, acts)
      plate%heat(i) = plate%heat(i) + (0.2_c_double * (around(plate, i) - plate%heat(i)) + 6 * power)
      reward(i) = 0
      if (acts) then
        reward(i) = -((plate%heat(i) - TARGET_HEAT) / 20)**2
        if (plate%heat(i) > TOO_HOT) then ! it switches itself off: an episode of it ends
          reward(i) = reward(i) - 10
          plate%heater(i) = int(CORSAC_TERMINATED, c_int8_t)
        end if
      else ! another one begins where it is cool
        plate%heater(i) = merge(CORSAC_PRESENT, CORSAC_ABSENT, plate%heat(i) < COOL)
      end if
    end do
    call observe(plate, obs)
    flags = 0 ! of the whole environment
  end function

  subroutine agent_flags(self, flags) bind(C, name='')
    type(c_ptr), value :: self
    integer(c_int8_t), intent(out) :: flags(*)
    type(plate_state), pointer :: plate
    call c_f_pointer(self, plate)
    flags(1:size(plate%heater)) = plate%heater
  end subroutine

  subroutine destroy(self) bind(C, name='')
    type(c_ptr), value :: self
    type(plate_state), pointer :: plate
    call c_f_pointer(self, plate)
    deallocate (plate)
  end subroutine

  ! A state is the room's and the cells' degrees, then the flags as doubles.
  function save(self, buffer, size_there) bind(C, name='') result(needed)
    type(c_ptr), value :: self, buffer
    integer(c_size_t), value :: size_there
    integer(c_int64_t) :: needed
    type(plate_state), pointer :: plate
    real(c_double), pointer :: state(:)
    call c_f_pointer(self, plate)
    needed = 8 * (1 + 2 * size(plate%heat))
    if (size_there < needed) return
    call c_f_pointer(buffer, state, [needed / 8])
    state = [plate%outside, plate%heat, real(plate%heater, c_double)]
  end function

  function load(self, buffer, size_there) bind(C, name='') result(status)
    type(c_ptr), value :: self, buffer
    integer(c_size_t), value :: size_there
    integer(c_int) :: status, n
    type(plate_state), pointer :: plate
    real(c_double), pointer :: state(:)
    call c_f_pointer(self, plate)
    n = size(plate%heat)
    status = merge(0, -1, size_there == 8 * (1 + 2 * n))
    if (status /= 0) return
    call c_f_pointer(buffer, state, [1 + 2 * n])
    plate%outside = state(1)
    plate%heat = state(2:n + 1)
    plate%heater = int(state(n + 2:), c_int8_t)
  end function
end module
