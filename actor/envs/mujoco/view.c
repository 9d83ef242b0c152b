// libcorsac_mujoco.so: the one file that knows MuJoCo's structs. `launch/install-deps.sh mujoco` compiles it against
// the headers of the libmujoco that it puts beside it; it is no part of the program and calls nothing.
#include "actor/envs/mujoco_view.h"

#include <mujoco/mujoco.h>

_Static_assert(sizeof(mjtNum) == sizeof(double), "MuJoCo has to be built with double precision");

int mujoco_view_layout(void) { return MUJOCO_VIEW_LAYOUT; }

int mujoco_view_version(void) { return mjVERSION_HEADER; }

void mujoco_view_fill(struct mujoco_view *view, const void *model, void *data) {
  const mjModel *m = model;
  mjData *d = data;
  *view = (struct mujoco_view){.nq = (int)m->nq,
                               .nv = (int)m->nv,
                               .nu = (int)m->nu,
                               .na = (int)m->na,
                               .nbody = (int)m->nbody,
                               .nsite = (int)m->nsite,
                               .state = mjSTATE_INTEGRATION,
                               .body = mjOBJ_BODY,
                               .timestep = m->opt.timestep,
                               .qpos = d->qpos,
                               .qvel = d->qvel,
                               .ctrl = d->ctrl,
                               .xpos = d->xpos,
                               .xipos = d->xipos,
                               .site_xpos = d->site_xpos,
                               .cinert = d->cinert,
                               .cvel = d->cvel,
                               .cfrc_ext = d->cfrc_ext,
                               .qfrc_actuator = d->qfrc_actuator,
                               .qfrc_constraint = d->qfrc_constraint,
                               .body_mass = m->body_mass,
                               .ctrlrange = m->actuator_ctrlrange};
}
