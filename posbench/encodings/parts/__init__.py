"""What several encodings are made of; none of these is an encoding."""
