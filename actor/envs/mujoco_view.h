// What the tasks read and write of MuJoCo's model and data. The layout of MuJoCo's own structs changes with its version
// and is known to its headers only, which the program does not need to be built: mujoco/view.c is compiled against the
// headers beside libmujoco (launch/install-deps.sh mujoco) into libcorsac_mujoco.so, which fills this struct.
#ifndef CORSAC_ACTOR_ENVS_MUJOCO_VIEW_H
#define CORSAC_ACTOR_ENVS_MUJOCO_VIEW_H

// Of this struct; mujoco_view_layout() returns the one that view.c was compiled with.
enum { MUJOCO_VIEW_LAYOUT = 1 };

struct mujoco_view {
  int nq, nv, nu, na, nbody, nsite;
  int state, body; // mjSTATE_INTEGRATION, everything that mj_step reads; mjOBJ_BODY
  double timestep;
  double *qpos, *qvel, *ctrl;                    // (nq) (nv) (nu)
  const double *xpos, *xipos, *site_xpos;        // (nbody x 3) (nbody x 3) (nsite x 3)
  const double *cinert, *cvel, *cfrc_ext;        // (nbody x 10) (nbody x 6) (nbody x 6)
  const double *qfrc_actuator, *qfrc_constraint; // (nv) (nv)
  const double *body_mass, *ctrlrange;           // of the model: (nbody) (nu x 2)
};

// What libcorsac_mujoco.so exports.
int mujoco_view_layout(void);  // MUJOCO_VIEW_LAYOUT
int mujoco_view_version(void); // of the headers, as mj_version() has it
void mujoco_view_fill(struct mujoco_view *view, const void *model, void *data); // mjModel, its mjData; valid as long
#endif
