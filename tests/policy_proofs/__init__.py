"""Proofs about the policy engine that need more than a case: every decision recounted, costs counted."""
