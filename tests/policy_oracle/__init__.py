"""A second judge of the policy language, written from the reference alone, and its comparison with `app.policy`."""
