! A string that is held at both ends. A pull on its middle third is to bring it to rest: the 1-D wave
! equation, with the points spread over the ranks of the group's communicator. The trajectory has the
! same bits on any number of ranks: the points' energies are gathered and added in their order.
!   mpifort -shared -fPIC -O2 -ffp-contract=off build/include/corsac/corsac_env.f90 wave.f90 -o wave.so
module wave
  use corsac_env_abi
  use mpi_f08
  implicit none
  integer, parameter :: POINTS = 48, SUBSTEPS = 10
  type string
    type(MPI_Comm) :: comm
    integer :: rank = 0, ranks = 1, first = 1, last = POINTS
    real(8) :: u(0:POINTS + 1) = 0, v(POINTS) = 0 ! of all points; those from first to last and their neighbours are valid
  end type
  real(c_double), target, save :: low(1) = [-1d0], high(1) = [1d0]
  character(len=8), target, save :: name = 'wave' // c_null_char

contains

  function create(config, spec, error, error_size) bind(C, name='') result(self)
    type(corsac_env_config), intent(in) :: config
    type(corsac_env_spec), intent(inout) :: spec
    type(c_ptr), value :: error
    integer(c_size_t), value :: error_size
    type(c_ptr) :: self
    type(string), pointer :: s
    allocate (s)
    s%comm%MPI_VAL = config%comm ! the handle as mpi_f08 has it; -1: alone
    if (config%comm /= -1) then
      call MPI_Comm_rank(s%comm, s%rank)
      call MPI_Comm_size(s%comm, s%ranks)
    end if
    self = c_null_ptr
    if (s%ranks > POINTS) then
      call corsac_say('there are fewer points than ranks', error, error_size)
      deallocate (s)
      return
    end if
    s%first = POINTS * s%rank / s%ranks + 1
    s%last = POINTS * (s%rank + 1) / s%ranks
    spec%obs_dim = 6
    spec%act_dim = 1
    spec%max_episode_steps = 100
    spec%action_low = c_loc(low)
    spec%action_high = c_loc(high)
    self = c_loc(s)
  end function

  subroutine exchange(s) ! the neighbours' nearest points; the ends stay at 0
    type(string), intent(inout) :: s
    integer :: left, right
    if (s%ranks == 1) return
    left = merge(s%rank - 1, MPI_PROC_NULL, s%rank > 0)
    right = merge(s%rank + 1, MPI_PROC_NULL, s%rank + 1 < s%ranks)
    call MPI_Sendrecv(s%u(s%first), 1, MPI_DOUBLE_PRECISION, left, 0, &
      s%u(s%last + 1), 1, MPI_DOUBLE_PRECISION, right, 0, s%comm, MPI_STATUS_IGNORE)
    call MPI_Sendrecv(s%u(s%last), 1, MPI_DOUBLE_PRECISION, right, 1, &
      s%u(s%first - 1), 1, MPI_DOUBLE_PRECISION, left, 1, s%comm, MPI_STATUS_IGNORE)
  end subroutine

  function observe(s, obs) result(energy) ! thirds' mean places and speeds; every rank has them
    type(string), intent(inout) :: s
    real(c_float), intent(out) :: obs(6)
    real(8) :: energy, all_u(POINTS), all_v(POINTS)
    integer :: counts(0:s%ranks - 1), firsts(0:s%ranks - 1), r, i
    all_u = s%u(1:POINTS)
    all_v = s%v
    if (s%ranks > 1) then
      do r = 0, s%ranks - 1
        firsts(r) = POINTS * r / s%ranks
        counts(r) = POINTS * (r + 1) / s%ranks - firsts(r)
      end do
      call MPI_Allgatherv(s%u(s%first), counts(s%rank), MPI_DOUBLE_PRECISION, all_u, &
        counts, firsts, MPI_DOUBLE_PRECISION, s%comm)
      call MPI_Allgatherv(s%v(s%first), counts(s%rank), MPI_DOUBLE_PRECISION, all_v, &
        counts, firsts, MPI_DOUBLE_PRECISION, s%comm)
    end if
    energy = 0
    obs = 0
    do i = 1, POINTS
      energy = energy + all_u(i)**2 + all_v(i)**2
      r = 1 + 3 * (i - 1) / POINTS
      obs(r) = obs(r) + real(all_u(i), c_float) / (POINTS / 3)
      obs(3 + r) = obs(3 + r) + real(all_v(i), c_float) / (POINTS / 3)
    end do
  end function

  function reset(self, seed, obs) bind(C, name='') result(status)
    type(c_ptr), value :: self
    integer(c_int64_t), value :: seed
    real(c_float), intent(out) :: obs(6)
    integer(c_int) :: status
    type(string), pointer :: s
    real(8) :: energy
    integer :: i
    call c_f_pointer(self, s)
    do i = 1, POINTS
      s%u(i) = sin(3.141592653589793d0 * i / (POINTS + 1)) * (0.5d0 + 0.5d0 * real(iand(seed, 1023_c_int64_t), 8) / 1023)
    end do
    s%v = 0
    energy = observe(s, obs)
    status = 0
  end function

  function step(self, action, obs, reward) bind(C, name='') result(flags)
    type(c_ptr), value :: self
    real(c_float), intent(in) :: action(1)
    real(c_float), intent(out) :: obs(6)
    real(c_double), intent(out) :: reward
    integer(c_int) :: flags
    type(string), pointer :: s
    integer :: i, n
    call c_f_pointer(self, s)
    do n = 1, SUBSTEPS
      call exchange(s)
      do i = s%first, s%last
        s%v(i) = s%v(i) + 0.2d0 * (s%u(i - 1) - 2 * s%u(i) + s%u(i + 1))
        if (i > POINTS / 3 .and. i <= 2 * POINTS / 3) s%v(i) = s%v(i) + 0.002d0 * action(1)
      end do
      s%u(s%first:s%last) = s%u(s%first:s%last) + 0.2d0 * s%v(s%first:s%last)
    end do
    reward = -observe(s, obs)
    flags = 0
  end function

  function save(self, buffer, size) bind(C, name='') result(need) ! this rank's points: the host keeps those of all together
    type(c_ptr), value :: self, buffer
    integer(c_size_t), value :: size
    integer(c_int64_t) :: need
    type(string), pointer :: s
    real(8), pointer :: numbers(:)
    call c_f_pointer(self, s)
    need = 16 * (s%last - s%first + 1)
    if (size < need) return
    call c_f_pointer(buffer, numbers, [need / 8])
    numbers = [s%u(s%first:s%last), s%v(s%first:s%last)]
  end function

  function load(self, buffer, size) bind(C, name='') result(status)
    type(c_ptr), value :: self, buffer
    integer(c_size_t), value :: size
    integer(c_int) :: status
    type(string), pointer :: s
    real(8), pointer :: numbers(:)
    integer :: n
    call c_f_pointer(self, s)
    n = s%last - s%first + 1
    status = -1
    if (size /= 16 * n) return
    call c_f_pointer(buffer, numbers, [2 * n])
    s%u(s%first:s%last) = numbers(:n)
    s%v(s%first:s%last) = numbers(n + 1:)
    status = 0
  end function

  subroutine destroy(self) bind(C, name='')
    type(c_ptr), value :: self
    type(string), pointer :: s
    call c_f_pointer(self, s)
    deallocate (s)
  end subroutine
end module

function corsac_env() bind(C) result(env)
  use wave
  implicit none
  type(c_ptr) :: env
  type(corsac_env_table), target, save :: table
  table%size = int(c_sizeof(table), c_int32_t)
  table%name = c_loc(name)
  table%create = c_funloc(create)
  table%reset = c_funloc(reset)
  table%step = c_funloc(step)
  table%destroy = c_funloc(destroy)
  table%save = c_funloc(save)
  table%load = c_funloc(load)
  env = c_loc(table)
end function
