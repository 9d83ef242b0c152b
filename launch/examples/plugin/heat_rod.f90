! Three heaters bring a rod of 32 cells to the wanted temperatures. 6 observations (measured, wanted), 3 actions.
!   gfortran -shared -fPIC -O2 build/include/corsac/corsac_env.f90 heat_rod.f90 -o heat_rod.so
!   corsac train --env ./heat_rod.so
module heat_rod
  use corsac_env_abi
  implicit none
  private :: rod_state, env, name
  integer, parameter :: CELLS = 32, HEATERS = 3
  type, bind(C) :: rod_state
    real(c_double) :: t(CELLS), wanted(HEATERS) ! temperatures: all that changes in an episode
  end type
  real(c_double), target, save :: low(HEATERS) = -1, high(HEATERS) = 1 ! heat or cool
  character(len=64), target, save :: name = 'heat_rod' // c_null_char
  type(corsac_env_table), target, save :: env

contains

  function corsac_env() bind(C) result(table) ! the one name seen outside; the C library has a step, too
    type(c_ptr) :: table
    env%size = int(c_sizeof(env), c_int32_t)
    env%name = c_loc(name(1:1))
    env%create = c_funloc(create); env%destroy = c_funloc(destroy)
    env%reset = c_funloc(reset);   env%step = c_funloc(step)
    env%save = c_funloc(save);     env%load = c_funloc(load) ! optional: a resumed run goes on in the middle of an episode
    table = c_loc(env)
  end function

  function create(config, spec, error, error_size) bind(C, name='') result(self)
    type(corsac_env_config), intent(in) :: config
    type(corsac_env_spec), intent(inout) :: spec
    type(c_ptr), value :: error
    integer(c_size_t), value :: error_size
    type(c_ptr) :: self
    type(rod_state), pointer :: rod
    self = c_null_ptr ! failed, unless it gets further
    if (corsac_text(config%args) /= '') call corsac_say('it takes no arguments', error, error_size)
    if (corsac_text(config%args) /= '') return
    spec%obs_dim = 2 * HEATERS; spec%act_dim = HEATERS
    spec%max_episode_steps = 100 ! then the host truncates: not a termination, learning bootstraps
    spec%action_low = c_loc(low); spec%action_high = c_loc(high)
    allocate (rod, source=rod_state(0, 0))
    self = c_loc(rod)
  end function

  function reset(rod, seed, obs) bind(C, name='') result(status)
    type(rod_state), intent(inout) :: rod
    integer(c_int64_t), value :: seed
    real(c_float), intent(out) :: obs(2 * HEATERS)
    integer(c_int) :: status
    integer(c_int64_t) :: random(HEATERS)
    rod%t = 0
    random = 1 + iand(seed, 1073741823_c_int64_t) ! everything random comes from the seed
    random = mod(random * [16807, 48271, 69621], 2147483647_c_int64_t)
    rod%wanted = real(random, c_double) / 1073741824 - 1
    obs = real([rod%t(6::10), rod%wanted], c_float)
    status = 0
  end function

  ! Heat equation by explicit differences, dT = 0.4 (T_left - 2 T + T_right) + heaters; the ends touch ice (0).
  function step(rod, action, obs, reward) bind(C, name='') result(flags)
    type(rod_state), intent(inout) :: rod
    real(c_float), intent(in) :: action(HEATERS)
    real(c_float), intent(out) :: obs(2 * HEATERS)
    real(c_double), intent(out) :: reward
    integer(c_int) :: flags, i
    do i = 1, 10
      rod%t = rod%t + 0.4_c_double * (eoshift(rod%t, 1) + eoshift(rod%t, -1) - 2 * rod%t)
      rod%t(6::10) = rod%t(6::10) + 0.2_c_double * action
    end do
    reward = -sum((rod%t(6::10) - rod%wanted)**2)
    obs = real([rod%t(6::10), rod%wanted], c_float)
    flags = 0 ! or CORSAC_TERMINATED, CORSAC_TRUNCATED; negative: failed
  end function

  subroutine destroy(self) bind(C, name='')
    type(c_ptr), value :: self
    type(rod_state), pointer :: rod
    call c_f_pointer(self, rod)
    deallocate (rod)
  end subroutine

  function save(rod, buffer, size) bind(C, name='') result(needed)
    type(rod_state), intent(in) :: rod
    type(rod_state), intent(inout) :: buffer
    integer(c_size_t), value :: size
    integer(c_int64_t) :: needed
    needed = c_sizeof(rod)
    if (size >= needed) buffer = rod
  end function

  function load(rod, buffer, size) bind(C, name='') result(status)
    type(rod_state), intent(inout) :: rod
    type(rod_state), intent(in) :: buffer
    integer(c_size_t), value :: size
    integer(c_int) :: status
    status = merge(0, -1, size == c_sizeof(rod))
    if (status == 0) rod = buffer
  end function
end module
